"""The browser's arithmetic equals the library's, over a whole grid of settings."""

from importlib import resources
from itertools import product

import pytest

from cnnlesson import arithmetic
from cnnlesson.network import Conv

pytestmark = pytest.mark.browser

AXES = [
    {"inputSize": size, "filterSize": filter_size, "stride": stride, "dilation": dilation}
    | {"before": before, "after": after}
    for size, filter_size, stride, dilation, (before, after) in product(
        (1, 2, 5, 8, 13, 32, 64, 65),
        (1, 2, 3, 5, 8, 11),
        (1, 2, 3, 4, 7, 16),
        (1, 2, 3, 8),
        ((0, 0), (1, 1), (0, 1), (3, 2), (32, 32)),
    )
]
LAYERS = [
    {"shape": shape, "filters": filters, "stride": stride, "padding": padding, "maps": maps}
    for shape, filters, stride, padding, maps in product(
        ((32, 32, 3), (5, 9, 1), (64, 64, 3), (512, 512, 32), (1, 1, 1)),
        ((1, 1), (3, 3), (8, 8), (11, 11), (3, 5)),
        (1, 2, 3),
        (0, 1, 32),
        (1, 20, 32),
    )
]


@pytest.fixture
def in_browser(page):
    """Map a list through functions of arithmetic.js: in_browser(body, list)."""
    module = resources.files("cnnlesson.widgets").joinpath("js/arithmetic.js").read_text("utf-8")

    def evaluate(body, items):
        return page.evaluate(
            """async ([module, body, items]) => {
                const url = URL.createObjectURL(new Blob([module], { type: "text/javascript" }));
                const arithmetic = await import(url);
                URL.revokeObjectURL(url);
                const names = Object.keys(arithmetic);
                const each = new Function(...names, "item", `return (${body})(item)`);
                return items.map(item => each(...Object.values(arithmetic), item));
            }""",
            [module, body, items],
        )

    return evaluate


def settings(axis):
    """An axis as the library takes it: arguments, and settings by name."""
    padding = axis["before"], axis["after"]
    named = {"stride": axis["stride"], "padding": padding, "dilation": axis["dilation"]}
    return (axis["inputSize"], axis["filterSize"]), named


def test_sizes_remainders_and_uses(in_browser):
    shown = in_browser(
        """axis => ({
            size: outputSize(axis), rest: remainder(axis), misfit: misfit(axis, "H"),
            unread: uses(axis).flatMap((times, k) => times ? [] : [k - axis.before]),
            reads: uses(axis).reduce((sum, times) => sum + times, 0), length: uses(axis).length,
            reach: dilatedFilterSize(axis.filterSize, axis.dilation),
        })""",
        AXES,
    )
    misfits = 0
    for axis, result in zip(AXES, shown, strict=True):
        (size, filter_size), named = settings(axis)
        assert result["reach"] == arithmetic.dilated_filter_size(filter_size, axis["dilation"])
        assert result["length"] == size + axis["before"] + axis["after"]
        try:
            expected = arithmetic.output_size(size, filter_size, **named)
        except ValueError as error:
            misfits += 1
            assert result["size"] == result["reads"] == 0, axis
            # Both say why with the same numbers, and what to take instead.
            reason, advice = str(error).split(": ")
            assert result["misfit"].startswith(f"A filter of size F = {filter_size}"), axis
            assert f"= {size + axis['before'] + axis['after']}: " in result["misfit"]
            assert reason.endswith(f"= {size + axis['before'] + axis['after']}")
            for part in advice.split(", ")[:2]:
                assert part.removesuffix(",") in result["misfit"], (axis, part)
            continue
        assert result["size"] == expected, axis
        assert result["misfit"] is None, axis
        assert result["rest"] == arithmetic.remainder(size, filter_size, **named), axis
        unread = arithmetic.unread(size, filter_size, **named)
        assert result["unread"] == sorted(unread.pixels + unread.padding), axis
        assert result["reads"] == expected * filter_size, axis
    assert len(AXES) > 5000
    assert 500 < misfits < len(AXES) / 2


def test_same_padding_of_both_conventions(in_browser):
    shown = in_browser("axis => ['tensorflow', 'pytorch'].map(c => samePadding(axis, c))", AXES)
    for axis, by_convention in zip(AXES, shown, strict=True):
        for convention, result in zip(("tensorflow", "pytorch"), by_convention, strict=True):
            arguments = axis["inputSize"], axis["filterSize"]
            named = {name: axis[name] for name in ("stride", "dilation")}
            try:
                expected = arithmetic.same_padding(*arguments, **named, convention=convention)
            except ValueError:
                assert convention == "pytorch"
                assert result is None, axis
            else:
                assert result == list(expected), (axis, convention)


def test_counts(in_browser):
    fitting = []
    for layer in LAYERS:
        steps = {"stride": layer["stride"], "padding": layer["padding"]}
        try:
            output = arithmetic.output_shape(
                layer["shape"], layer["filters"], layer["maps"], **steps
            )
        except ValueError:
            continue
        fitting.append(layer | {"output": output})
    shown = in_browser(
        """({ shape: [H, W, C], filters, output, maps }) => counts({
            filterHeight: filters[0], filterWidth: filters[1], inChannels: C, outChannels: maps,
            outHeight: output[0], outWidth: output[1], inNumbers: H * W * C,
        })""",
        fitting,
    )
    for layer, result in zip(fitting, shown, strict=True):
        shape, filters, maps = layer["shape"], layer["filters"], layer["maps"]
        steps = {"stride": layer["stride"], "padding": layer["padding"]}
        height, width, depth = shape
        neurons = arithmetic.neurons(shape, filters, maps, **steps)
        assert result == {
            "neurons": neurons,
            "shared": arithmetic.parameters_shared(filters, depth, maps),
            "unshared": arithmetic.parameters_unshared(shape, filters, maps, **steps),
            "dense": arithmetic.parameters_dense(height * width * depth, neurons),
            "multiplyAdds": arithmetic.multiply_adds(shape, filters, maps, **steps),
            "memory": arithmetic.activation_memory(layer["output"]),
        }, layer
        assert result["shared"] == Conv(filters, maps, **steps).parameters(shape)
    assert len(fitting) > 300
