"""Networks as data, against what was published of them."""

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnnlesson import network as nw
from cnnlesson import ops
from cnnlesson.network import (
    Activation,
    BatchNorm,
    Conv,
    Dense,
    Flatten,
    GlobalPool,
    Network,
    Parallel,
    Pool,
    Residual,
)
from cnnlesson.tables import Table


@pytest.mark.parametrize(
    ("network", "parameters"),
    [
        (nw.lenet5(historical=True), 60_000),  # LeCun et al. 1998, section II.B
        (nw.lenet5(), 61_706),  # d2l.ai, section 7.6
        (nw.alexnet(historical=True), 60_965_224),  # the paper's "60 million", two groups
        (nw.alexnet(), 61_100_840),  # these four: torchvision's num_params
        (nw.vgg16(), 138_357_544),
        (nw.resnet18(), 11_689_512),
        (nw.mobilenet_v2(), 3_504_872),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_published_parameters(network, parameters):
    assert network.parameters == parameters


@pytest.mark.parametrize(
    ("network", "multiply_adds", "published"),
    [  # published: the GFLOPS column of torchvision's table, which counts multiply-adds
        (nw.alexnet(), 714_188_480, "0.71"),
        (nw.vgg16(), 15_470_264_320, "15.47"),
        (nw.resnet18(), 1_814_073_344, "1.81"),
        (nw.mobilenet_v2(), 300_774_272, "0.30"),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_published_multiply_adds(network, multiply_adds, published):
    assert network.multiply_adds == multiply_adds
    assert f"{multiply_adds / 1e9:.2f}" == published


def kinds(network, kind):
    return [row for row in network.rows if re.search(kind, row.layer)]


def test_lenet5_layer_by_layer():
    """LeCun et al. 1998, section II.B: trainable parameters of C1, S2, C3, S4, C5, F6, and maps."""
    counted = [row for row in nw.lenet5(historical=True).rows if row.parameters]
    assert [row.parameters for row in counted] == [156, 12, 1516, 32, 48_120, 10_164]
    assert [row.shape for row in counted] == [
        *((28, 28, 6), (14, 14, 6), (10, 10, 16), (5, 5, 16), (1, 1, 120), (1, 1, 84))
    ]


def test_lenet5_connections():
    """The paper's 340,908 connections: a bias and each input of each neuron is one."""
    network = nw.lenet5(historical=True)
    convolutions = kinds(network, "Conv")
    pools = kinds(network, "pool")
    with_bias = sum(row.multiply_adds + row.memory // 4 for row in convolutions)
    sampled = sum(5 * row.memory // 4 for row in pools)
    assert [5 * row.memory // 4 for row in pools] == [5880, 2000]
    assert with_bias + sampled + 10_164 + 840 == 340_908


@pytest.mark.parametrize(
    ("network", "shapes"),
    [
        (  # Krizhevsky et al. 2012, figure 2
            nw.alexnet(historical=True),
            [(55, 55, 96), (27, 27, 256), (13, 13, 384), (13, 13, 384), (13, 13, 256)],
        ),
        (  # Sandler et al. 2018, table 2: what each of its lines starts from
            nw.mobilenet_v2(),
            [
                *((112, 112, 32), (112, 112, 16), (56, 56, 24), (28, 28, 32), (14, 14, 64)),
                *((14, 14, 96), (7, 7, 160), (7, 7, 320), (7, 7, 1280)),
            ],
        ),
        (  # He et al. 2016, table 1
            nw.resnet18(),
            [(112, 112, 64), (56, 56, 64), (28, 28, 128), (14, 14, 256), (7, 7, 512)],
        ),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_published_shapes_in_their_order(network, shapes):
    met = iter([row.shape for row in kinds(network, "Conv")])
    assert [shape for shape in shapes if shape not in met] == []


def mobilenet_v1():
    strides = (1, 2, 1, 2, 1, 2, *[1] * 5, 2, 1)
    depthwise = [Conv(3, 8, stride=stride, padding=1, groups=8) for stride in strides]
    pairs = [layer for deep in depthwise for layer in (deep, Conv(1, 8))]
    return Network([Conv(3, 8, stride=2, padding=1), *pairs], (224, 224, 3))


def resnet50_of_slim():
    """With the stride in a stage's *last* unit, as in TF-Slim, which Araujo et al. measured."""
    layers = [Conv(7, 8, stride=2, padding=3), Pool("max", 3, stride=2, padding=1)]
    for units, last in ((3, 2), (4, 2), (6, 2), (3, 1)):
        for stride in (*[1] * (units - 1), last):
            body = (Conv(1, 8), Conv(3, 8, stride=stride, padding=1), Conv(1, 8))
            layers.append(Residual(body, [Pool("max", 1, stride=stride)]))
    return Network(layers, (224, 224, 3))


@pytest.mark.parametrize(
    ("network", "before", "pixels"),
    [  # Araujo et al. 2019, section "Discussion"; ResNet-18, which is not there, by its rule
        (nw.alexnet(), "Flatten", 195),
        (nw.alexnet(historical=True), "Flatten", 195),
        (nw.vgg16(), "Flatten", 212),
        (mobilenet_v1(), None, 315),
        (resnet50_of_slim(), None, 483),
        (nw.resnet18(), "Global", 435),
    ],
)
def test_published_receptive_fields(network, before, pixels):
    rows = list(network.rows)
    names = [row.layer.split()[0] for row in rows]
    last = rows[names.index(before) - 1] if before else rows[-1]
    assert last.receptive_field == (pixels, pixels)


axis_settings = st.tuples(st.integers(1, 4), st.integers(1, 3), st.integers(1, 2))
convolutions = st.builds(
    lambda height, width: Conv(
        *((height[0], width[0]), 1, (height[1], width[1])),
        dilation=(height[2], width[2]),
        bias=False,
    ),
    *(axis_settings, axis_settings),
)


@given(st.lists(convolutions, min_size=1, max_size=3))
def test_the_receptive_field_is_what_the_gradient_of_one_neuron_reaches(layers):
    network = Network(layers, (100, 100, 1))
    shapes = [(100, 100, 1), *(row.shape for row in network.rows)]
    gradient = np.zeros((1, 1, *network.output_shape[:2]))
    gradient[0, 0, 0, 0] = 1
    for layer, shape in zip(reversed(layers), reversed(shapes[:-1]), strict=True):
        x, ones = np.zeros((1, 1, *shape[:2])), np.ones((1, 1, *layer.filter_size))
        settings = {"stride": layer.stride, "dilation": layer.dilation}
        gradient, _, _ = ops.conv2d_gradients(x, ones, gradient, **settings)
    reached = [np.flatnonzero(gradient[0, 0].any(axis=axis)) for axis in (1, 0)]
    assert network.receptive_field == tuple(int(np.ptp(pixels)) + 1 for pixels in reached)


def test_running_example():
    (row,) = nw.running_example().rows
    name = "Conv 8 × 8, 20 maps, stride 2, padding 1"
    assert row == ("1", name, (14, 14, 20), 3860, 752_640, 4 * 3920, (8, 8))


def test_without_sharing_only_the_parameters_grow():
    layer = {"filter_size": 8, "out_channels": 20, "stride": 2, "padding": 1}
    (row,) = Network([Conv(**layer, shared=False)], (32, 32, 3)).rows
    (shared,) = nw.running_example().rows
    assert row.parameters == 756_560
    assert row._replace(parameters=3860, layer=shared.layer) == shared


def test_height_and_width_may_differ():
    network = Network([Conv((3, 5), 2, stride=(2, 1), dilation=(1, 2)), Dense(1)], (9, 20, 1))
    assert [row.receptive_field for row in network.rows] == [(3, 9), (9, 20)]
    assert network.rows[0].shape == (4, 12, 2)


def test_a_dense_layer_counts_like_a_filter_of_the_inputs_size():
    shape = (7, 5, 12)
    dense = Network([Dense(30)], shape)
    for other in ([Flatten(), Dense(30)], [Conv((7, 5), 30)]):
        network = Network(other, shape)
        for fact in ("parameters", "multiply_adds", "output_shape", "receptive_field"):
            assert getattr(network, fact) == getattr(dense, fact)


def test_batch_norm_counts_two_per_channel():
    assert Network([BatchNorm()], (4, 4, 10)).parameters == 20


def test_ceil_pooling_adds_the_window_that_hangs_over():
    pools = (Pool("max", 3, stride=2), Pool("max", 3, stride=2, ceil=True))
    assert [Network([pool], (112, 112, 64)).output_shape[0] for pool in pools] == [55, 56]


def test_parallel_branches_stack_their_maps():
    """Inception (3a) of GoogLeNet: 256 maps (Szegedy et al. 2015, table 1)."""
    inception = Parallel(
        (
            [Conv(1, 64)],
            [Conv(1, 96), Activation(), Conv(3, 128, padding=1)],
            [Conv(1, 16), Activation(), Conv(5, 32, padding=2)],
            [Pool("max", 3, stride=1, padding=1), Conv(1, 32)],
        )
    )
    network = Network([inception], (28, 28, 192), "Inception (3a)")
    assert network.output_shape == (28, 28, 256)
    assert network.receptive_field == (5, 5)  # that of the largest branch
    assert [row.position for row in network.rows] == [
        *("1.1.1", "1.2.1", "1.2.2", "1.2.3", "1.3.1", "1.3.2", "1.3.3", "1.4.1", "1.4.2", "1")
    ]


def test_a_branch_without_layers_hands_the_input_on():
    network = Network([Parallel(([], [Conv(3, 12, padding=1)]))], (8, 8, 24))
    assert network.output_shape == (8, 8, 36)
    assert Network([Residual([])], (8, 8, 24)).receptive_field == (1, 1)


@pytest.mark.parametrize(
    ("layers", "error", "words"),
    [
        ([Conv(3, 4), Pool("max", 2), Conv(7, 8)], ValueError, ["layer 3 (Conv 7 × 7", "F = 7"]),
        ([Conv(3, 4), Conv(3, 4, groups=3)], ValueError, ["layer 2 ", "3 groups do not divide"]),
        ([Conv(3, 4), Conv("3", 4)], TypeError, ["layer 2 (Conv 3 × 3", "'3'", "whole number"]),
        ([Conv(3, 4, stride=0)], ValueError, ["layer 1 ", "stride", "0", "at least 1"]),
        ([Conv(3, 0)], ValueError, ["layer 1 ", "out_channels is 0"]),
        ([Dense(0)], ValueError, ["layer 1 (Dense, 0 units)", "units is 0"]),
        ([Conv(3, 4, padding="same", stride=2)], ValueError, ["layer 1 ", "same_padding"]),
        ([Pool("max", 13)], ValueError, ["layer 1 (Max pool 13 × 13)", "12"]),
        ([Conv(3, 4), Residual([Conv(1, 4), Conv(11, 4)])], ValueError, ["layer 2.2 ", "F = 11"]),
        ([Residual([Conv(1, 3)], [Conv(13, 3)])], ValueError, ["layer 1.2 (Shortcut: Conv 13"]),
        ([Parallel(([], [Conv(1, 2), Conv(99, 2)]))], ValueError, ["layer 1.2.2 ", "F = 99"]),
        (
            [Residual([Conv(3, 8, stride=2, padding=1)])],
            ValueError,
            ["layer 1 ", "6 × 6 × 8", "12 × 12 × 3", "Conv(1, 8, stride=(2, 2))"],
        ),
        ([Residual([Conv(4, 3)])], ValueError, ["9 × 9 × 3", "only equal shapes can be added"]),
        ([Parallel(([], [Conv(3, 2)]))], ValueError, ["layer 1 ", "12 × 12 × 3, 10 × 10 × 2"]),
        ([Parallel(())], ValueError, ["layer 1 ", "no branches"]),
        ([Conv(3, 4), 17], TypeError, ["layer 2 (17)", "neither a layer nor a block"]),
        ([], ValueError, ["no layers"]),
        ([Conv(3, 2, connections=((0,),))], ValueError, ["1 rows for 2 filters"]),
        ([Conv(3, 1, connections=((0, 3),))], ValueError, ["(0, 3)", "0 to 2"]),
        ([Conv(3, 1, connections=((0, 0),))], ValueError, ["each once", "(0, 0)"]),
        ([Conv(3, 3, groups=3, connections=((0,),) * 3)], ValueError, ["exclude", "groups=1"]),
    ],
)
def test_an_impossible_layer_is_named_with_its_position_and_the_reason(layers, error, words):
    with pytest.raises(error) as refused:
        Network(layers, (12, 12, 3))
    assert [word for word in words if word not in str(refused.value)] == []


@pytest.mark.parametrize("layer", [Pool, GlobalPool, Activation])
def test_an_unknown_kind_is_refused_with_the_known_ones(layer):
    with pytest.raises(ValueError, match=r"'softmix', but must be one of (max|relu)"):
        layer("softmix", *([2] if layer is Pool else []))


def test_the_shortcut_that_the_error_advises_works():
    body = [Conv(3, 8, stride=2, padding=1)]
    assert Network([Residual(body, [Conv(1, 8, stride=(2, 2))])], (12, 12, 3)).parameters


# --- Tables ----------------------------------------------------------------------------------


class Cells(HTMLParser):
    """Collects the tags and the text of a table, and fails on tags that do not pair."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.open, self.texts = [], [], []
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.open.append(tag)
        self.tags.append((tag, dict(attributes).get("scope")))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


def test_a_network_shows_itself_as_an_accessible_table():
    network = nw.resnet18()
    read = Cells(network._repr_html_())
    assert read.tags.count(("caption", None)) == 1
    assert read.tags.count(("th", "col")) == 7
    assert read.tags.count(("th", "row")) == len(network.rows) + 1  # and the totals
    assert "11,689,512" in read.texts
    assert network._repr_html_() == nw.resnet18()._repr_html_()


def test_a_network_shows_itself_as_aligned_text():
    lines = str(nw.lenet5()).splitlines()
    assert lines[0] == "LeNet-5, for an input of 32 × 32 × 1"
    head, total = lines[2], lines[-1]
    end = head.index("Parameters") + len("Parameters")
    assert total[:end].endswith("61,706")
    assert not any(line.endswith(" ") for line in lines)


def test_text_in_a_table_is_escaped():
    table = Table("<a>", ("<b>",), (("<c> & d",),))
    assert Cells(table._repr_html_()).tags.count(("td", None)) == 0
    assert "&lt;c&gt; &amp; d" in table._repr_html_()


def test_a_row_of_another_length_is_refused():
    with pytest.raises(ValueError, match="1 cells under 2 columns"):
        Table("", ("a", "b"), ((1,),))


def test_counting_needs_no_numpy():
    program = (
        "import sys, types; package = types.ModuleType('cnnlesson'); "
        "package.__path__ = ['cnnlesson']; sys.modules['cnnlesson'] = package; "
        "import cnnlesson.network; sys.exit('numpy' in sys.modules)"
    )
    root = Path(nw.__file__).parents[1]
    assert subprocess.run([sys.executable, "-c", program], cwd=root, check=False).returncode == 0
