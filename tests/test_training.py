"""Models against numerical gradients and PyTorch, and what the experiment claims."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnnlesson import ops
from cnnlesson.network import (
    Activation,
    BatchNorm,
    Conv,
    Dense,
    Flatten,
    GlobalPool,
    Network,
    Pool,
    Residual,
    lenet5,
)
from cnnlesson.training import (
    SGD,
    Experiment,
    Model,
    Outcome,
    Training,
    arms,
    glyphs_at,
    gradient_check,
    train,
    translated_glyphs,
)

relu = Activation()

NETWORKS = {
    "shared": Network([Conv(3, 4), relu, Flatten(), Dense(3)], (6, 7, 2)),
    "unshared": Network([Conv(3, 4, shared=False), relu, Flatten(), Dense(3)], (6, 7, 2)),
    "groups, no bias": Network(
        [Conv(3, 4, groups=2, bias=False, padding="full"), relu, Dense(3, bias=False)], (6, 7, 2)
    ),
    "unshared, all settings": Network(
        [
            Conv((3, 2), 4, (2, 1), ((1, 0), (0, 2)), (1, 2), groups=2, shared=False),
            relu,
            GlobalPool("average"),
            Dense(3),
        ],
        (6, 7, 2),
    ),
    "deep": Network(
        [
            *(Conv(3, 4, padding="same"), relu, Pool("max", 2, ceil=True)),
            *(Conv(2, 5, dilation=2), relu, Pool("average", 2, stride=1, padding=1)),
            *(Dense(6), relu, Dense(3)),
        ],
        (6, 7, 2),
    ),
    "global max": Network([Conv(3, 4), relu, GlobalPool("max"), Dense(3)], (6, 7, 2)),
    "nothing but maps": Network([Conv(3, 3), GlobalPool("max")], (6, 7, 2)),
}


def random_batch(seed, size=4, shape=(2, 6, 7), dtype=np.float64):
    random = np.random.default_rng(seed)
    images = random.normal(size=(size, *shape)).astype(dtype)
    return images, random.integers(0, 3, size)


@pytest.mark.parametrize("name", NETWORKS)
def test_gradients_are_the_numerical_ones(name):
    model = Model(NETWORKS[name], seed=1, dtype=np.float64)
    before = {name: values.copy() for name, values in model.parameters.items()}
    differences = gradient_check(model, *random_batch(2))
    assert differences.keys() == model.parameters.keys()
    assert max(differences.values()) < 1e-6
    assert all(np.array_equal(before[name], model.parameters[name]) for name in before)


def test_the_gradient_check_finds_a_wrong_gradient(monkeypatch):
    right = ops.conv2d_gradients
    monkeypatch.setattr(
        ops, "conv2d_gradients", lambda *a, **k: (*right(*a, **k)[:2], right(*a, **k)[2] * 1.1)
    )
    differences = gradient_check(Model(NETWORKS["shared"], dtype=np.float64), *random_batch(2))
    assert [name for name, d in differences.items() if d > 1e-2] == ["1 bias"]


def test_the_gradient_check_asks_for_float64():
    with pytest.raises(TypeError, match=r"1 filters is float32: .*float64"):
        gradient_check(Model(NETWORKS["shared"]), *random_batch(2, dtype=np.float32))


@pytest.mark.parametrize("name", NETWORKS)
def test_a_model_holds_as_many_numbers_as_its_network_counts(name):
    model = Model(NETWORKS[name])
    assert sum(values.size for values in model.parameters.values()) == model.network.parameters
    images, _ = random_batch(0, dtype=np.float32)
    assert model.forward(images).shape == (4, 3)
    assert model.forward(images).dtype == np.float32
    assert model.forward(images[:0]).shape == (0, 3)


def test_weights_start_by_hes_rule_from_the_seed():
    network = Network([Conv(5, 64), relu, GlobalPool("max"), Dense(3)], (8, 8, 16))
    one, same, other = (Model(network, seed=seed).parameters for seed in (1, 1, 2))
    assert one["1 filters"].std() == pytest.approx(np.sqrt(2 / (5 * 5 * 16)), rel=0.02)
    assert not one["1 bias"].any()
    assert np.array_equal(one["1 filters"], same["1 filters"])
    assert not np.array_equal(one["1 filters"], other["1 filters"])


def test_an_unshared_layer_with_equal_filters_is_a_shared_one():
    shared, unshared = (Model(NETWORKS[name], seed=3) for name in ("shared", "unshared"))
    for name, values in shared.parameters.items():
        if name == "1 bias":
            values = values[:, None, None]
        unshared.parameters[name][...] = values
    images, _ = random_batch(4, dtype=np.float32)
    np.testing.assert_allclose(shared.forward(images), unshared.forward(images), atol=1e-5)


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        ([Conv(3, 4), BatchNorm(), Dense(3)], r"layer 2 \(Batch norm\) cannot be trained"),
        ([Residual([Conv(3, 2, padding=1)]), Dense(3)], r"layer 1 \(Sum"),
        ([Activation("tanh"), Dense(3)], r"layer 1 \(Tanh\)"),
        ([Pool("average", 2, trainable=True), Dense(3)], r"layer 1 \(Average pool"),
        (lenet5(historical=True).layers[4:], r"layer 1 \(Conv 5 × 5, 16 maps, by table\)"),
        ([Conv(3, 4), relu], r"ends with maps of 4 × 5.*Dense"),
    ],
)
def test_what_cannot_be_trained_is_refused(layers, words):
    shape = (14, 14, 6) if "table" in words else (6, 7, 2)
    with pytest.raises(ValueError, match=words):
        Model(Network(layers, shape))


def test_images_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"\(4, 2, 7, 6\).*\(N, 2, 6, 7\)"):
        Model(NETWORKS["shared"]).forward(np.zeros((4, 2, 7, 6), np.float32))


# --- Learning ----------------------------------------------------------------------------------


def test_momentum_by_hand():
    parameters = {"w": np.array([1.0])}
    optimizer = SGD(parameters, learning_rate=0.5, momentum=0.5)
    for wanted in (1 - 0.5 * 2, 0 - 0.5 * (0.5 * 2 + 2)):  # v = 2, then v = 3
        optimizer.step({"w": np.array([2.0])})
        assert parameters["w"] == wanted


def test_training_learns_is_repeatable_and_its_loss_falls():
    images, labels = random_batch(5, size=30, dtype=np.float32)
    models = [Model(NETWORKS["deep"], seed=0) for _ in range(2)]
    losses = [train(model, images, labels, epochs=60, batch_size=16, seed=7) for model in models]
    assert losses[0] == losses[1]
    assert losses[0][-1] < 0.1 < losses[0][0]
    assert (models[0].predict(images) == labels).all()


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"epochs": 0}, ValueError, "epochs is 0"),
        ({"epochs": 1.5}, TypeError, "epochs must be a whole number"),
        ({"epochs": 1, "batch_size": 0}, ValueError, "batch_size is 0"),
        ({"epochs": 1, "learning_rate": 0}, ValueError, "learning_rate is 0"),
        ({"epochs": 1, "momentum": 1}, ValueError, "momentum is 1"),
        ({"epochs": 1, "labels": np.zeros(3, int)}, ValueError, "4 images and 3 labels"),
    ],
)
def test_impossible_trainings_are_refused(options, error, words):
    images, labels = random_batch(5, dtype=np.float32)
    with pytest.raises(error, match=words):
        train(Model(NETWORKS["shared"]), images, **({"labels": labels} | options))


def torch_model(torch, model):
    """The same network in PyTorch, of the layers that the tests below use."""
    made = []
    for number, layer in enumerate(model.network.layers, 1):
        match layer:
            case Conv():
                depth = model.network.rows[number - 2].shape[2] if number > 1 else 2
                made.append(
                    torch.nn.Conv2d(
                        *(depth, layer.out_channels, layer.filter_size, layer.stride),
                        *(layer.padding, layer.dilation, layer.groups),
                    )
                )
            case Dense():
                inputs = model.parameters[f"{number} weights"].shape[1]
                made += [torch.nn.Flatten(), torch.nn.Linear(inputs, layer.units)]
            case Pool():
                kind = torch.nn.MaxPool2d if layer.kind == "max" else torch.nn.AvgPool2d
                made.append(
                    kind(layer.filter_size, layer.stride, layer.padding, ceil_mode=layer.ceil)
                )
            case Activation():
                made.append(torch.nn.ReLU())
    twin = torch.nn.Sequential(*made).double()
    for theirs, ours in zip(twin.parameters(), model.parameters.values(), strict=True):
        theirs.data = torch.from_numpy(ours.copy())
    return twin


@pytest.mark.torch
@given(st.integers(0, 2**32))
@settings(max_examples=5, deadline=None)
def test_training_goes_step_by_step_as_in_pytorch(seed):
    import torch

    model = Model(NETWORKS["deep"], seed=seed, dtype=np.float64)
    twin = torch_model(torch, model)
    images, labels = random_batch(seed)
    ours = SGD(model.parameters, learning_rate=0.05, momentum=0.9)
    theirs = torch.optim.SGD(twin.parameters(), lr=0.05, momentum=0.9)
    for _ in range(4):
        loss, gradients = model.loss_and_gradients(images, labels)
        ours.step(gradients)
        theirs.zero_grad()
        scores = twin(torch.from_numpy(images))
        twin_loss = torch.nn.functional.cross_entropy(scores, torch.from_numpy(labels))
        twin_loss.backward()
        theirs.step()
        assert loss == pytest.approx(twin_loss.item(), rel=1e-9)
    for values, parameter in zip(model.parameters.values(), twin.parameters(), strict=True):
        np.testing.assert_allclose(values, parameter.detach().numpy(), rtol=1e-8, atol=1e-10)


# --- The experiment ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def experiment():
    return translated_glyphs()


def test_only_sharing_with_a_head_that_forgets_position_generalises_from_one_corner(experiment):
    unseen = {
        outcome.arm: outcome.unseen
        for outcome in experiment.outcomes
        if outcome.training is Training.CORNER
    }
    assert list(unseen) == [
        *("Shared, global max", "Shared, flatten"),
        *("Unshared, global max", "Unshared, flatten", "Dense"),
    ]
    generalises = unseen.pop("Shared, global max")
    assert generalises.min() > 0.85
    assert all(accuracy.max() < 0.35 for accuracy in unseen.values())


def test_every_arm_learns_what_it_is_shown(experiment):
    assert len(experiment.outcomes) == 10
    assert all(outcome.counts for outcome in experiment.outcomes)
    assert {len(outcome.seen) for outcome in experiment.outcomes} == {5}


def test_what_is_missing_is_lost_where_patches_are_cut_as_they_never_were_in_training(experiment):
    """By the docstring's account: none at rows and columns 0 to 3, most at the far borders."""
    lost = 1 - experiment.outcomes[0].heat_map
    assert (lost[:4, :4] == 0).all()
    border = np.zeros(lost.shape, bool)
    border[8:], border[:, 8:] = True, True  # here no filter meets just the last row or column
    assert lost[border].sum() > 0.75 * lost.sum() > 0


def test_an_experiment_shows_itself_as_a_table(experiment):
    text, html = str(experiment), experiment._repr_html_()
    assert "chance is 0.25" in text
    assert text.count("yes") == html.count("yes") == 10
    assert text.count("–") == 5  # trained everywhere, nothing is unseen


def test_an_outcome_shows_its_heat_map(experiment):
    outcome = experiment.outcomes[0]
    _, _, head, _, *rows = str(outcome).splitlines()
    assert head.split()[-2:] == ["Column", "11"]
    shown = np.array([row.replace("[", "").replace("]", "").split()[1:] for row in rows], float)
    np.testing.assert_allclose(shown, outcome.heat_map, atol=0.005 + 1e-9)
    assert sum(row.count("[") for row in rows) == outcome.trained_at.sum()
    assert "<caption>Shared, global max, trained in one corner" in outcome._repr_html_()


def test_trained_everywhere_nothing_is_unseen(experiment):
    assert experiment.outcomes[-1].unseen is None


def test_an_outcome_below_99_percent_where_trained_does_not_count():
    trained_at = np.array([[True, False]])
    for seen, counts in (([0.99, 1.0], True), ([0.98, 1.0], False)):
        accuracy = np.array([[[seen[0], 0.5]], [[seen[1], 0.25]]])
        outcome = Outcome("X", Training.CORNER, 10, accuracy, trained_at)
        assert outcome.counts is counts
        assert ("no: below 0.99" in str(Experiment((outcome,)))) is not counts
        assert outcome.unseen.tolist() == [0.5, 0.25]


def test_with_full_padding_unseen_equals_seen_exactly():
    """The global maximum then runs over the same values, wherever the glyph lies."""
    (outcome,) = translated_glyphs(arms(padding="full")[:1], [Training.CORNER], seeds=2).outcomes
    assert outcome.unseen.tolist() == outcome.seen.tolist() == [1, 1]


@given(st.integers(0, 2**32))
@settings(max_examples=5, deadline=None)
def test_with_full_padding_the_scores_are_the_same_everywhere(seed):
    """Up to rounding, since a matrix product may add up in another order at another position."""
    everywhere = range(12)
    images, _ = glyphs_at(everywhere, everywhere)
    for dtype, rounding in ((np.float32, 3e-6), (np.float64, 1e-14)):
        model = Model(arms(padding="full")[0], seed=seed, dtype=dtype)
        scores = model.forward(images.astype(dtype)).reshape(144, 4, 4)
        assert np.abs(scores - scores[0]).max() <= rounding * np.abs(scores).max()


def test_the_same_seeds_give_the_same_experiment(experiment):
    again = translated_glyphs(arms()[:1], [Training.CORNER], seeds=2).outcomes[0]
    assert np.array_equal(again.accuracy, experiment.outcomes[0].accuracy[:2])


def test_the_arms_count_as_the_lesson_says():
    assert [network.parameters for network in arms()] == [724, 14_452, 89_956, 103_684, 16_708]


def test_glyphs_lie_where_they_are_asked_for():
    images, labels = glyphs_at([0, 11], [3])
    assert images.shape == (8, 1, 16, 16)
    assert labels.tolist() == [0, 1, 2, 3] * 2
    assert (images.sum((1, 2, 3)) == 9).all()
    assert images[4:, 0, :11].max() == images[:, 0, :, :3].max() == 0


def test_an_experiment_of_no_seeds_is_refused():
    with pytest.raises(ValueError, match="seeds is 0"):
        translated_glyphs(seeds=0)
