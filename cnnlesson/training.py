"""Training small networks in NumPy, and the experiment behind the lesson's claim.

A `Model` is a `Network` with numbers in it: arrays (N, C, H, W) go forward through its layers by
`cnnlesson.ops`, and gradients come back. `translated_glyphs` trains five of them on glyphs in
one corner of a canvas, and asks where else they know them.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from cnnlesson import arithmetic, ops
from cnnlesson.arithmetic import Padding, Shape
from cnnlesson.network import Activation, Conv, Dense, Flatten, GlobalPool, Layer, Network, Pool
from cnnlesson.pictures import GLYPH_NAMES, GLYPH_SIZE, glyph, place
from cnnlesson.settings import per_axis, whole
from cnnlesson.tables import Cell, Table

Array = NDArray[np.floating[Any]]
"""Numbers, float32 or float64."""

Labels = NDArray[np.integer[Any]]
"""(N,): the class of each image, counted from 0."""

Arrays = dict[str, Array]
"""Parameters or gradients, by name."""

Backward = Callable[[Array], tuple[Array, Arrays]]
"""From the gradient of a layer's output to that of its input, and those of its parameters."""


# --- A network with numbers in it --------------------------------------------------------------


class Model:
    """A network with parameters, which classifies images.

    Weights start by He's rule, normal with variance 2 over the number of inputs of a neuron, which
    keeps activations behind ReLUs of one size from layer to layer; biases start at 0. (K. He,
    X. Zhang, S. Ren and J. Sun, "Delving deep into rectifiers", 2015, section 2.2.)

    Attributes:
        network: what it counts.
        parameters: arrays by name, such as "1 filters" and "1 bias" of the first layer. Filters
            are (K, C/G, F, F); unshared ones (H_out, W_out, K, C/G, F, F), with biases
            (K, H_out, W_out); a dense layer's weights are (units, inputs).
    """

    def __init__(self, network: Network, *, seed: int = 0, dtype: DTypeLike = np.float32) -> None:
        """Draw the parameters.

        Args:
            network: convolutions (shared or not, without a connection table), pooling, dense
                layers, flattening and ReLUs, one after another.
            seed: of the random numbers; the same seed gives the same parameters.
            dtype: float32 or float64; images must be of the same.

        Raises:
            ValueError: if the network has other layers, with their position, or ends with maps.
        """
        self.network = network
        self.parameters: Arrays = {}
        self._layers: list[tuple[int, Layer, Shape]] = []
        random = np.random.default_rng(seed)
        shape = arithmetic.read_shape(network.input_shape)
        for number, layer in enumerate(network.layers, 1):
            if not isinstance(layer, Layer) or not _trains(layer):
                raise ValueError(
                    f"layer {number} ({layer}) cannot be trained here: use convolutions without "
                    "a table, pooling without parameters, dense layers, Flatten and ReLU"
                )
            for name, values in _initial(layer, shape, random).items():
                self.parameters[f"{number} {name}"] = values.astype(dtype)
            self._layers.append((number, layer, shape))
            shape = layer.output_shape(shape)
        if shape[:2] != (1, 1):
            raise ValueError(
                f"{network.name} ends with maps of {shape[0]} × {shape[1]}, but a classifier "
                "gives one score per class: end with Dense, or with GlobalPool"
            )

    def forward(self, images: Array) -> Array:
        """Give the scores of the classes.

        Args:
            images: (N, C, H, W), of the dtype of the parameters.

        Returns:
            (N, classes).

        Raises:
            TypeError: if the dtype is another.
            ValueError: if the images do not fit the network.
        """
        return self._forward(images)[0]

    def predict(self, images: Array) -> NDArray[np.intp]:
        """Give the class of the highest score for each of the images.

        Args:
            images: (N, C, H, W), as for `forward`, which says what is refused.

        Returns:
            (N,), counted from 0; among equal scores the first.
        """
        classes: NDArray[np.intp] = np.argmax(self.forward(images), axis=1)
        return classes

    def loss_and_gradients(self, images: Array, labels: Labels) -> tuple[float, Arrays]:
        """Give the mean cross-entropy, and its gradient with respect to every parameter.

        Args:
            images: as for `forward`.
            labels: (N,), the classes, counted from 0.

        Returns:
            The loss, and arrays named and shaped as `parameters`.
        """
        scores, steps_back = self._forward(images)
        loss, gradient = ops.softmax_cross_entropy(scores, labels)
        gradient = gradient[:, :, None, None]
        gradients: Arrays = {}
        for number, back in reversed(steps_back):
            gradient, own = back(gradient)
            gradients |= {f"{number} {name}": values for name, values in own.items()}
        return loss, gradients

    def _forward(self, images: Array) -> tuple[Array, list[tuple[int, Backward]]]:
        height, width, depth = arithmetic.read_shape(self.network.input_shape)
        if images.ndim != 4 or images.shape[1:] != (depth, height, width):
            raise ValueError(
                f"images have shape {images.shape}, but this network reads "
                f"(N, {depth}, {height}, {width})"
            )
        y, steps_back = images, []
        for number, layer, shape in self._layers:
            names = (name for name in self.parameters if name.split()[0] == str(number))
            own = {name.split()[1]: self.parameters[name] for name in names}
            y, back = _apply(layer, shape, own, y)
            steps_back.append((number, back))
        return y[:, :, 0, 0], steps_back


def _trains(layer: Layer) -> bool:
    match layer:
        case Conv(connections=None) | Pool(trainable=False) | Activation("relu"):
            return True
        case _:
            return type(layer) in (GlobalPool, Flatten, Dense)


def _initial(layer: Layer, shape: Shape, random: np.random.Generator) -> Arrays:
    """Draw a layer's parameters for an input of (H, W, C)."""
    match layer:
        case Conv():
            inputs = arithmetic.weights_of_a_filter(
                layer.filter_size, shape[2], groups=layer.groups
            )
            filter_shape = (shape[2] // layer.groups, *per_axis("filter_size", layer.filter_size))
            height, width, maps = layer.output_shape(shape)
            own = () if layer.shared else (height, width)
            drawn = {"filters": _he(random, (*own, maps, *filter_shape), inputs)}
            return drawn | ({"bias": np.zeros((maps, *own))} if layer.bias else {})
        case Dense():
            inputs = math.prod(shape)
            drawn = {"weights": _he(random, (layer.units, inputs), inputs)}
            return drawn | ({"bias": np.zeros(layer.units)} if layer.bias else {})
        case _:
            return {}


def _he(random: np.random.Generator, shape: tuple[int, ...], inputs: int) -> Array:
    return random.normal(0, math.sqrt(2 / inputs), shape)


def _apply(layer: Layer, shape: Shape, own: Arrays, x: Array) -> tuple[Array, Backward]:
    """Go forward through a layer, and say how to come back.

    Args:
        layer: one that `_trains`.
        shape: (H, W, C) of the layer's input.
        own: the layer's parameters.
        x: (N, C, H, W).

    Returns:
        The output, again with four axes, and the way back.
    """
    match layer:
        case Conv():
            height, width = layer.windows(shape)
            settings: dict[str, Any] = {
                "stride": (height.stride, width.stride),
                "padding": (height.padding, width.padding),  # in numbers, if it had a name
                "dilation": (height.dilation, width.dilation),
                "groups": layer.groups,
            }
            convolve, gradients = (
                (ops.conv2d, ops.conv2d_gradients)
                if layer.shared
                else (ops.unshared_conv2d, ops.unshared_conv2d_gradients)
            )

            def back_from_conv(dy: Array) -> tuple[Array, Arrays]:
                dx, dfilters, dbias = gradients(x, own["filters"], dy, **settings)
                return dx, {"filters": dfilters} | ({"bias": dbias} if layer.bias else {})

            return convolve(x, own["filters"], own.get("bias"), **settings), back_from_conv
        case Pool():
            pooling: dict[str, Any] = {
                "stride": layer.stride,
                "padding": layer.padding,
                "ceil": layer.ceil,
            }
            pool, gradient = (
                (ops.max_pool2d, ops.max_pool2d_gradient)
                if layer.kind == "max"
                else (ops.avg_pool2d, ops.avg_pool2d_gradient)
            )
            return pool(x, layer.filter_size, **pooling), lambda dy: (
                gradient(x, dy, layer.filter_size, **pooling),
                {},
            )
        case GlobalPool():
            pool_all, gradient_of_all = (
                (ops.global_max_pool, ops.global_max_pool_gradient)
                if layer.kind == "max"
                else (ops.global_avg_pool, ops.global_avg_pool_gradient)
            )
            return pool_all(x)[:, :, None, None], lambda dy: (
                gradient_of_all(x, dy[:, :, 0, 0]),
                {},
            )
        case Dense():
            flat = x.reshape(len(x), math.prod(shape))

            def back_from_dense(dy: Array) -> tuple[Array, Arrays]:
                dflat, dweights, dbias = ops.dense_gradients(flat, own["weights"], dy[:, :, 0, 0])
                own_gradients = {"weights": dweights} | ({"bias": dbias} if layer.bias else {})
                return dflat.reshape(x.shape), own_gradients

            y = ops.dense(flat, own["weights"], own.get("bias"))
            return y[:, :, None, None], back_from_dense
        case Flatten():
            return x.reshape(len(x), math.prod(shape), 1, 1), lambda dy: (dy.reshape(x.shape), {})
        case _:  # ReLU
            return ops.relu(x), lambda dy: (ops.relu_gradient(x, dy), {})


# --- Learning ----------------------------------------------------------------------------------


class SGD:
    """Stochastic gradient descent with momentum: v = momentum * v + gradient; w = w - rate * v.

    As torch.optim.SGD does it.
    """

    def __init__(
        self, parameters: Arrays, *, learning_rate: float = 0.1, momentum: float = 0.9
    ) -> None:
        """Start at rest.

        Args:
            parameters: arrays by name, which `step` changes in place.
            learning_rate: what to multiply a velocity with, above 0.
            momentum: how much of its velocity a parameter keeps, from 0 to below 1.

        Raises:
            ValueError: if a setting is out of range.
        """
        if not learning_rate > 0:
            raise ValueError(f"learning_rate is {learning_rate}, but must be above 0")
        if not 0 <= momentum < 1:
            raise ValueError(f"momentum is {momentum}, but must be from 0 to below 1")
        self.learning_rate, self.momentum = learning_rate, momentum
        self._parameters = parameters
        self._velocities = {name: np.zeros_like(values) for name, values in parameters.items()}

    def step(self, gradients: Mapping[str, Array]) -> None:
        """Change the parameters, in place: v = momentum * v + gradient, then p -= rate * v.

        Args:
            gradients: arrays by the names and in the shapes of the parameters; a parameter that is
                not named stays.

        Raises:
            KeyError: if there is no parameter of a name.
        """
        for name, gradient in gradients.items():
            velocity = self._velocities[name]
            velocity *= self.momentum
            velocity += gradient
            self._parameters[name] -= self.learning_rate * velocity


def train(
    model: Model,
    images: Array,
    labels: Labels,
    *,
    epochs: int,
    batch_size: int = 64,
    learning_rate: float = 0.1,
    momentum: float = 0.9,
    seed: int = 0,
) -> list[float]:
    """Fit a model to labelled images by SGD, going through all of them in each epoch.

    Args:
        model: what to train, in place.
        images: (N, C, H, W).
        labels: (N,).
        epochs: how often to go through the images, in a new order each time.
        batch_size: images per step.
        learning_rate: as for `SGD`.
        momentum: as for `SGD`.
        seed: of the order.

    Returns:
        The mean loss of each epoch, over images as they were met.

    Raises:
        TypeError: if a setting is not a whole number.
        ValueError: if a setting is out of range, or there is not one label per image.
    """
    batch_size = whole("batch_size", batch_size, at_least=1)
    if len(images) != len(labels) or not len(images):
        raise ValueError(f"{len(images)} images and {len(labels)} labels: give one for each")
    random = np.random.default_rng(seed)
    optimizer = SGD(model.parameters, learning_rate=learning_rate, momentum=momentum)
    losses = []
    for _ in range(whole("epochs", epochs, at_least=1)):
        order = random.permutation(len(images))
        total = 0.0
        for start in range(0, len(order), batch_size):
            batch = order[start : start + batch_size]
            loss, gradients = model.loss_and_gradients(images[batch], labels[batch])
            optimizer.step(gradients)
            total += loss * len(batch)
        losses.append(total / len(order))
    return losses


def gradient_check(
    model: Model,
    images: Array,
    labels: Labels,
    *,
    samples: int = 20,
    step: float = 1e-6,
    seed: int = 0,
) -> dict[str, float]:
    """Compare a model's gradients with (loss(w + h) - loss(w - h)) / 2h, in float64.

    Where the loss has a kink, at a ReLU of exactly 0 or at equal maxima, there is no gradient to
    compare with: give images of random numbers rather than drawings.

    Args:
        model: float64; it is left as it was.
        images: (N, C, H, W), float64.
        labels: (N,).
        samples: how many numbers of each parameter array to try.
        step: h.
        seed: of the choice.

    Returns:
        For each parameter array the largest difference, divided by its largest gradient: right
        gradients come to about 1e-8, wrong ones to more than 1e-2.

    Raises:
        TypeError: if the model is not float64, whose digits the differences need.
    """
    _, gradients = model.loss_and_gradients(images, labels)
    random = np.random.default_rng(seed)
    worst = {}
    for name, values in model.parameters.items():
        if values.dtype != np.float64:
            raise TypeError(f"{name} is {values.dtype}: make the model with dtype=np.float64")
        chosen = random.permutation(values.size)[:samples]
        differences = []
        for index in zip(*np.unravel_index(chosen, values.shape), strict=True):
            losses = []
            kept = values[index]
            for there in (kept + step, kept - step):
                values[index] = there
                losses.append(ops.softmax_cross_entropy(model.forward(images), labels)[0])
            values[index] = kept
            numerical = (losses[0] - losses[1]) / (2 * step)
            differences.append(abs(numerical - gradients[name][index]))
        worst[name] = float(max(differences) / max(np.abs(gradients[name]).max(), 1e-12))
    return worst


# --- The experiment: what does sharing weights buy? --------------------------------------------

_CANVAS = 16  # pixels, high and wide
_POSITIONS = _CANVAS - GLYPH_SIZE + 1  # of a whole glyph, along each axis
_CORNER = _CANVAS // 2 - GLYPH_SIZE + 1  # of these, inside the top left quarter
_ENOUGH = 0.99  # accuracy where trained, below which an arm has nothing to say elsewhere


class Training(Enum):
    """Where the glyphs lie while a model trains."""

    CORNER = "in one corner"
    EVERYWHERE = "everywhere"


@dataclass(frozen=True, eq=False)
class Outcome:
    """How well one network knew the glyphs, position by position.

    Attributes:
        arm: the network's name.
        training: where it was trained.
        parameters: how many it has.
        accuracy: (seeds, 12, 12), the share of the four glyphs told right, by the glyph's row
            and column.
        trained_at: (12, 12), whether it was trained at a position.
    """

    arm: str
    training: Training
    parameters: int
    accuracy: NDArray[np.float64]
    trained_at: NDArray[np.bool_]

    @property
    def seen(self) -> NDArray[np.float64]:
        """Accuracy at the positions of the training, by seed."""
        return np.asarray(self.accuracy[:, self.trained_at].mean(axis=1))

    @property
    def unseen(self) -> NDArray[np.float64] | None:
        """Accuracy at all other positions, by seed; None if there are none."""
        if self.trained_at.all():
            return None
        return np.asarray(self.accuracy[:, ~self.trained_at].mean(axis=1))

    @property
    def counts(self) -> bool:
        """Whether it learned what it was shown, to at least 0.99 from every seed.

        What a network does elsewhere says something about its layers only if it does.
        """
        return bool(self.seen.min() >= _ENOUGH)

    @property
    def heat_map(self) -> NDArray[np.float64]:
        """(12, 12), accuracy by the glyph's row and column, the mean over seeds."""
        return np.asarray(self.accuracy.mean(axis=0))

    def summary(self) -> Table:
        """Give the heat map as a table; positions of the training stand in brackets."""
        rows = range(_POSITIONS)
        cells = [
            tuple(
                f"[{share:.2f}]" if trained else f"{share:.2f} "
                for share, trained in zip(*row, strict=True)
            )
            for row in zip(self.heat_map, self.trained_at, strict=True)
        ]
        return Table(
            caption=f"{self.arm}, trained {self.training.value}: accuracy by position",
            columns=("Row", *(f"Column {column}" for column in rows)),
            rows=tuple((str(row), *cells[row]) for row in rows),
        )

    def __str__(self) -> str:
        return str(self.summary())

    def _repr_html_(self) -> str:
        return self.summary()._repr_html_()


@dataclass(frozen=True, eq=False)
class Experiment:
    """The outcomes of all arms; shows itself as a table."""

    outcomes: tuple[Outcome, ...]

    def summary(self) -> Table:
        """Give mean and range over the seeds, where trained and elsewhere, as a table."""
        return Table(
            caption=f"Accuracy, mean (lowest to highest of {len(self.outcomes[0].accuracy)} "
            f"seeds); chance is {1 / len(GLYPH_NAMES):.2f}",
            columns=("Network", "Trained", "Parameters", "Seen", "Unseen", "Counts"),
            rows=tuple(map(_row, self.outcomes)),
        )

    def __str__(self) -> str:
        return str(self.summary())

    def _repr_html_(self) -> str:
        return self.summary()._repr_html_()


def arms(*, padding: Padding = 0) -> tuple[Network, ...]:
    """Give the five networks that the experiment compares, on 16 x 16 pixels in grayscale.

    Args:
        padding: of the convolutions.
    """
    convolutions = {
        "Shared": Conv(GLYPH_SIZE, 24, padding=padding),
        "Unshared": Conv(GLYPH_SIZE, 24, padding=padding, shared=False),
    }
    heads = {"global max": GlobalPool("max"), "flatten": Flatten()}
    classes = Dense(len(GLYPH_NAMES))
    shape = (_CANVAS, _CANVAS, 1)
    return (
        *(
            Network((convolution, Activation(), head, classes), shape, f"{name}, {head_name}")
            for (name, convolution), (head_name, head) in product(
                convolutions.items(), heads.items()
            )
        ),
        Network((Flatten(), Dense(64), Activation(), classes), shape, "Dense"),
    )


def translated_glyphs(
    networks: Sequence[Network] | None = None,
    trainings: Sequence[Training] = tuple(Training),
    *,
    seeds: int = 5,
) -> Experiment:
    """Train networks on four glyphs, in one corner or everywhere, and test them everywhere.

    The canvas is 16 x 16 zeros. In the corner, a glyph lies within the top left quarter, at one of
    4 x 4 positions; in all there are 12 x 12, and each is tested with each glyph, so that accuracy
    is counted and not estimated.

    What it shows: trained everywhere, all five learn. From one corner only, sharing *and* a head
    that forgets position generalise: a shared filter finds its pattern anywhere, and the global
    maximum does not tell where. Either alone is as good as guessing elsewhere. (How well the
    first arm does depends on chance and settings: at other learning rates and widths single seeds
    fell to 0.72; the others stayed near 0.25.)

    What is missing to 1.00 comes from patches cut at a border. Without padding, no filter meets
    just the first row or column of a glyph in the corner, as some do elsewhere, and none meets
    just the last ones of a glyph at the far borders: the maxima run over other values. With
    `padding="full"` and stride 1, on zeros, every glyph is met in every way wherever it lies: the
    maxima run over the same values, and unseen equals seen exactly.

    Args:
        networks: the arms; those of `arms()` unless given. They read 16 x 16 x 1 and tell four
            classes.
        trainings: where to train them.
        seeds: how many times to train each, from seeds 0, 1 ....

    Returns:
        An outcome for each arm in each training. The same on every run on one machine; another
        machine's rounding may shift an accuracy by a few glyphs.

    Raises:
        TypeError: if `seeds` is not a whole number.
        ValueError: if it is below 1, or a network cannot be trained or reads other shapes.
    """
    seeds = whole("seeds", seeds, at_least=1)
    return Experiment(
        tuple(
            _outcome(network, training, seeds)
            for training, network in product(trainings, arms() if networks is None else networks)
        )
    )


def glyphs_at(
    rows: Sequence[int], columns: Sequence[int]
) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
    """Draw each glyph at each of some positions of the experiment's canvas.

    Args:
        rows: of the glyphs' top left pixels.
        columns: of the same.

    Returns:
        Images (rows * columns * glyphs, 1, 16, 16), with the glyph changing fastest, and their
        labels.
    """
    drawn = [glyph(name) for name in GLYPH_NAMES]
    places = list(product(rows, columns))
    images = [place(picture, _CANVAS, *where) for where, picture in product(places, drawn)]
    return np.stack(images), np.tile(np.arange(len(drawn)), len(places))


def _outcome(network: Network, training: Training, seeds: int) -> Outcome:
    everywhere = range(_POSITIONS)
    trained = range(_CORNER) if training is Training.CORNER else everywhere
    trained_at = np.zeros((_POSITIONS, _POSITIONS), np.bool_)
    trained_at[np.ix_(trained, trained)] = True
    shown, shown_labels = glyphs_at(trained, trained)
    tested, tested_labels = glyphs_at(everywhere, everywhere)
    accuracy = []
    for seed in range(seeds):
        model = Model(network, seed=seed)
        # Few steps that suffice. In batches of 16 no matrix product is so large that OpenBLAS
        # would split it (262,144 multiply-adds), which costs dearly where others use the cores.
        train(
            model,
            shown,
            shown_labels,
            epochs=20 if training is Training.CORNER else 14,
            batch_size=16,
            learning_rate=0.07,
            seed=seed,
        )
        right = model.predict(tested) == tested_labels
        accuracy.append(right.reshape(_POSITIONS, _POSITIONS, -1).mean(axis=2))
    return Outcome(network.name, training, network.parameters, np.stack(accuracy), trained_at)


def _row(outcome: Outcome) -> tuple[Cell, ...]:
    return (
        outcome.arm,
        outcome.training.value,
        outcome.parameters,
        _mean_and_range(outcome.seen),
        "–" if outcome.unseen is None else _mean_and_range(outcome.unseen),
        "yes" if outcome.counts else f"no: below {_ENOUGH} where trained",
    )


def _mean_and_range(by_seed: NDArray[np.float64]) -> str:
    return f"{by_seed.mean():.3f} ({by_seed.min():.3f} to {by_seed.max():.3f})"
