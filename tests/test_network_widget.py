"""The network builder: its traits, its arithmetic against the library's, and its use by hand."""

import random
import re

import nbformat
import pytest
import traitlets
from labs import open_notebook, run_all

from cnnlesson import network as nw
from cnnlesson.network import Conv, Dense, Flatten, Network, Pool
from cnnlesson.widgets import NetworkBuilder, network
from cnnlesson.widgets.builder import _checked_layers, _layer

PRESETS = [
    *(nw.running_example(), nw.lenet5(), nw.lenet5(historical=True), nw.alexnet()),
    *(nw.alexnet(historical=True), nw.vgg16()),
]


# --- Python's side ---------------------------------------------------------------------------


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.name)
def test_a_network_comes_back_as_it_was_given(preset):
    assert network(preset).network.rows == preset.rows


@pytest.mark.parametrize("preset", [nw.resnet18(), nw.mobilenet_v2()], ids=lambda n: n.name)
def test_a_network_with_blocks_is_shown_by_its_rows(preset):
    widget = network(preset)
    assert widget.preset == preset.name
    assert widget.network.rows == preset.rows
    sent = widget.catalogue["presets"][preset.name]["rows"]
    assert [tuple(row) for row in sent] == [tuple(row) for row in preset.rows]


def test_layers_may_be_objects_or_dicts_and_are_kept_with_all_settings():
    given = [Conv((3, 5), 8, padding="same"), {"layer": "pool", "kind": "max", "filter_size": 2}]
    widget = NetworkBuilder(given, (28, 28, 1))
    assert widget.layers[0]["filter_size"] == [3, 5]
    assert widget.layers[1]["stride"] is None
    assert widget.network.output_shape == (14, 14, 8)
    widget.layers = [{"layer": "dense", "units": 10}]
    assert widget.network.parameters == 28 * 28 * 10 + 10


def test_what_cannot_be_built_is_shown_and_its_network_raises_the_librarys_error():
    widget = network([Conv(5, 8), Conv(40, 8)])
    with pytest.raises(ValueError, match=r"layer 2 \(Conv 40 × 40, 8 maps\) cannot follow 28 × 28"):
        _ = widget.network
    assert "impossible: layer 2" in repr(widget)
    widget.layers = []
    with pytest.raises(ValueError, match="no layers"):
        _ = widget.network


def test_description():
    assert repr(network()) == (
        "Network builder with 1 layer over an input of 32x32x3: output 14x14x20, "
        "3,860 parameters, 752,640 multiply-adds"
    )


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        ({"layer": "convolution"}, "layer 1: .* 'convolution', but must be one of conv, pool"),
        ({"layer": "conv", "filter_size": 3}, "layer 1: conv needs out_channels"),
        ({"layer": "dense", "units": 5, "size": 3}, "dense has no setting size: it has units"),
        ({"layer": "dense", "units": 0}, "units is 0, but must be at least 1"),
        ({"layer": "dense", "units": 99999}, "units is 99999, too large .* at most 16384"),
        ({"layer": "conv", "filter_size": 3, "out_channels": 2.5}, "not 2.5 of type float"),
        ({"layer": "conv", "filter_size": 3, "out_channels": 2, "bias": 1}, "True or False, not 1"),
        ({"layer": "conv", "filter_size": 3, "out_channels": 2, "padding": "some"}, "'some', but"),
        ({"layer": "pool", "kind": "max", "filter_size": 2, "padding": "same"}, "not 'same'"),
        ({"layer": "pool", "kind": "least", "filter_size": 2}, "kind is 'least'"),
        (Flatten, "a layer is a dict such as"),
    ],
)
def test_settings_that_are_none_are_refused_with_their_values(layer, message):
    with pytest.raises((TypeError, ValueError), match=message):
        network([layer])
    widget = network()
    with pytest.raises(traitlets.TraitError):
        widget.layers = [layer]


def test_impossible_arguments_are_refused():
    with pytest.raises(ValueError, match="LeNet-5 has its own input, 32x32x1"):
        network(nw.lenet5(), (28, 28, 1))
    with pytest.raises(ValueError, match="height is 10000, too large to show: at most 512"):
        network([Flatten()], (10000, 32, 3))
    with pytest.raises(traitlets.TraitError, match="goal has no 'depth'"):
        network(goal={"depth": 3})
    with pytest.raises(traitlets.TraitError, match="preset is 'VGG-17', but names"):
        network().preset = "VGG-17"


# --- The browser's arithmetic ----------------------------------------------------------------


def random_stack(draw):
    """Draw a small input and some layers, often impossible; every setting and form occurs."""
    size = lambda most: draw.choice([draw.randint(1, most), [draw.randint(1, most) for _ in "hw"]])  # noqa: E731
    few = lambda: draw.choice([1, 1, 1, size(3)])  # noqa: E731
    depth = draw.randint(1, 8)

    def zeros(most):
        a, b, c, d = (draw.randint(0, most) for _ in range(4))
        return draw.choice([0, a, [a, b], [[a, b], [c, d]]])

    def conv():
        maps = draw.choice([2, 4, 6, 8])
        table = [draw.sample(range(8), draw.randint(0, 3)) for _ in range(maps)]
        return {
            "layer": "conv",
            "filter_size": size(7),
            "out_channels": maps,
            "stride": few(),
            "padding": draw.choice(["same", "valid", "full", zeros(3), zeros(3), zeros(3)]),
            "dilation": few(),
            "groups": draw.choice([1, 1, 1, 2, 3]),
            "bias": draw.random() < 0.7,
            "shared": draw.random() < 0.8,
            "connections": table if draw.random() < 0.1 else None,
        }

    def pool():
        return {
            "layer": "pool",
            "kind": draw.choice(["max", "average"]),
            "filter_size": size(4),
            "stride": draw.choice([None, size(3)]),
            "padding": zeros(2),
            "ceil": draw.random() < 0.5,
            "trainable": draw.random() < 0.3,
        }

    def other():
        return draw.choice(
            [
                {"layer": "flatten"},
                {"layer": "global_pool", "kind": "average"},
                {"layer": "dense", "units": draw.randint(1, 20), "bias": draw.random() < 0.5},
                {"layer": "batch_norm"},
                {"layer": "activation", "kind": draw.choice(["relu", "relu6", "tanh"])},
                {"layer": "radial_basis", "units": 3, "bias": True},
            ]
        )

    kinds = draw.choices([conv, pool, other], [6, 3, 2], k=draw.randint(1, 8))
    return [draw.randint(4, 40), draw.randint(4, 40), depth], [kind() for kind in kinds]


def row_of(row):
    """A row as the browser gives it, its big numbers as text."""
    counts = (row.parameters, row.multiply_adds, row.memory, *row.receptive_field)
    return [row.position, row.layer, *row.shape, *map(str, counts)]


@pytest.mark.browser
def test_the_browsers_rows_are_the_librarys(page):
    draw = random.Random(4)
    stacks = [(list(each.input_shape), _checked_layers(each.layers)) for each in PRESETS]
    for _ in range(2000):
        shape, layers = random_stack(draw)
        stacks.append((shape, _checked_layers(layers)))
    deep = {"layer": "conv", "filter_size": 3, "out_channels": 4096, "stride": 64, "padding": 64}
    stacks.append(([512, 512, 4096], _checked_layers([deep] * 20)))  # beyond 2**53
    # A module in the browser is the one that the widget runs.
    shown = page.evaluate(
        """async ([code, stacks]) => {
            const url = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
            const { stackRows } = await import(url);
            return stacks.map(([shape, layers]) => {
                const { rows, problem } = stackRows(shape, layers);
                const counts = (r) => [r.parameters, r.multiplyAdds, r.memory, ...r.field];
                const row = (r) => [r.position, r.layer, ...r.shape, ...counts(r).map(String)];
                return [rows.map(row), problem];
            });
        }""",
        [NetworkBuilder._esm, stacks],
    )
    broken = set()
    for (shape, plain), (rows, problem) in zip(stacks, shown, strict=True):
        layers = [_layer(each) for each in plain]
        try:
            expected, reason = Network(layers, shape).rows, None
        except ValueError as error:
            expected = Network(layers[: len(rows)], shape).rows if rows else ()
            reason = str(error)
            broken.add(re.sub(r"\d+", "", reason.split(": ", 1)[1])[:30])
        assert problem == reason
        assert rows == [row_of(row) for row in expected]
    assert len(broken) >= 7, broken  # of the reasons there are, most have occurred


# --- In JupyterLab ---------------------------------------------------------------------------


@pytest.fixture
def run_cells(page, lab, served_course, request):
    """Run cells in a notebook of their own; gives the visualisers."""

    def run_cells(*sources):
        book = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(source) for source in sources],
            metadata={
                "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}
            },
        )
        path = f"notebooks/{request.node.name}.ipynb"  # a kernel for each test
        nbformat.write(book, served_course / path)
        open_notebook(page, lab, path)
        run_all(page)
        shown = page.get_by_role("group", name="Network builder")
        shown.first.wait_for()
        page.set_default_timeout(10_000)  # from here on, nothing needs to start
        return shown

    return run_cells


def expect_text(locator, words):
    from playwright.sync_api import expect

    expect(locator).to_contain_text(words, timeout=10_000)


def cells_of(widget, layer):
    """The numbers in the row of a layer."""
    row = widget.locator("tbody tr", has_text=re.compile(f"^(✗ )?{layer} "))
    return row.locator("td").all_inner_texts()


def python(page, code):
    """Run code in the last cell, and give what it prints."""
    cell = page.locator(".jp-CodeCell").last
    cell.locator(".cm-content").click()
    page.keyboard.press("Control+A")
    page.keyboard.type(f"{code}; print('done', {random.random()})")
    sentinel = cell.locator(".cm-content").inner_text().split(",")[-1].strip(" )\n")
    page.keyboard.press("Control+Enter")
    output = cell.locator(".jp-OutputArea-output", has_text=f"done {sentinel}")
    output.wait_for()
    return output.inner_text().split("done")[0].strip()


@pytest.mark.browser
def test_a_reader_builds_a_network(run_cells, page):
    goal = '{"output": [1, 1, 10], "parameters": 20000}'
    widget = run_cells(
        f"from cnnlesson.widgets import network\nw = network(goal={goal}); w", "0"
    ).first
    status = widget.locator(".cl-goal")
    voice = widget.locator(".cl-hidden[role=status]")
    assert cells_of(widget, 1) == ["14 × 14 × 20", "3,860", "752,640", "15,680", "8 × 8"]
    assert "Not yet." in status.inner_text()

    # Add a pool and a dense layer with the mouse; the numbers are the library's.
    for words in ("Pool", "Dense"):
        widget.get_by_label("New layer").select_option(words)
        widget.get_by_role("button", name="Add after layer").click()
    expected = Network([Conv(8, 20, stride=2, padding=1), Pool("max", 2), Dense(10)], (32, 32, 3))
    last = expected.rows[-1]
    widget.get_by_role("button", name="3 Dense, 10 units").wait_for()
    assert cells_of(widget, 3)[:3] == ["1 × 1 × 10", f"{last.parameters:,}", "9,800"]
    totals = widget.locator("tfoot td").all_inner_texts()
    assert totals[1:4] == [
        f"{n:,}" for n in (expected.parameters, expected.multiply_adds, expected.memory)
    ]
    assert "Reached!" in status.inner_text()
    expect_text(voice, "Added layer 3. The output is 1 by 1 by 10; 13,670 parameters, 762,440")
    assert python(page, "print(w.network.parameters, w.layers[1]['kind'])") == "13670 max"

    # By keyboard: up to the convolution, open it, make its filter too large, see why not.
    widget.get_by_role("button", name="3 Dense, 10 units").focus()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    size = widget.get_by_label("Filter size F", exact=True)
    size.fill("40")
    size.press("Tab")
    reason = widget.locator("td.cl-problem")
    expect_text(reason, "Layer 1 (Conv 40 × 40, 20 maps, stride 2, padding 1) cannot follow 32")
    assert cells_of(widget, 1)[0] == "impossible"
    assert cells_of(widget, 2)[0] == "not reached"
    assert "Not yet." in status.inner_text()
    expect_text(voice, "a filter of size F = 40 does not fit into the padded input")
    size.fill("10000")
    size.press("Tab")
    problem = widget.locator(".cl-settings .cl-problem:not(:empty)")
    expect_text(problem, "Filter size F must be a whole number from 1 to 64, not “10000”.")
    size.fill("3")
    size.press("Tab")
    expect_text(widget.locator("tbody tr").nth(1), "16 × 16 × 20")

    # Still by keyboard: move the layer down and up again, remove it, undo.
    widget.get_by_role("button", name="1 Conv 3 × 3").focus()
    page.keyboard.press("Alt+ArrowDown")
    expect_text(page.locator(":focus"), "2 Conv 3 × 3, 20 maps")
    page.keyboard.press("Alt+ArrowUp")
    expect_text(page.locator(":focus"), "1 Conv 3 × 3, 20 maps")
    page.keyboard.press("Delete")
    expect_text(page.locator(":focus"), "1 Max pool 2 × 2")
    assert widget.locator("tbody tr:visible").count() == 3  # the input and two layers
    widget.get_by_role("button", name="Undo").click()
    expect_text(widget.locator("tbody tr").nth(1), "1 Conv 3 × 3, 20 maps")

    # Python changes it, and the picture follows; the bars and the sizes say their numbers.
    python(
        page, "w.layers = [{'layer': 'conv', 'filter_size': 5, 'out_channels': 6, 'padding': 2}]"
    )
    expect_text(widget.locator("tbody tr").nth(1), "32 × 32 × 6")
    bars, sizes = (widget.locator(f".cl-{name}") for name in ("bars", "shrink"))
    label = "Parameters of each layer as bars, linear; 1 Conv 5 × 5, 6 maps, padding 2: 456."
    assert bars.get_attribute("aria-label") == label
    assert "As set: 32, 32. With no padding: 32, 28." in sizes.get_attribute("aria-label").replace(
        "With the padding as", "As"
    )
    widget.get_by_role("button", name="Logarithmic scale").click()
    assert "bars, logarithmic; 1 Conv" in bars.get_attribute("aria-label")
    with page.expect_download() as saved:
        widget.get_by_role("button", name="Save picture (SVG)").click()
    assert "456 parameters" in saved.value.path().read_text()
    python(page, "w.layers = []")
    expect_text(widget, "There is no layer yet: add one.")
    widget.get_by_role("button", name="Add", exact=True).click()
    expect_text(widget.locator("tbody tr").nth(1), "1 Dense, 10 units")


@pytest.mark.browser
def test_presets_a_prediction_and_the_themes(run_cells, page):
    widget = run_cells(
        "from cnnlesson.widgets import network\nw = network(predict=True); w", "0"
    ).first
    assert cells_of(widget, 1) == ["?"] * 5
    assert not widget.locator(".cl-bars").is_visible()
    button = widget.get_by_role("button", name="Show it")
    button.click()
    expect_text(widget.locator(":scope > .cl-problem"), "Give a height, a width and a depth")
    for name, number in (("height", 14), ("width", 14), ("depth", 3)):
        widget.get_by_label(f"predicted {name}").fill(str(number))
    button.click()
    expect_text(widget, "You predicted 14 × 14 × 3; it is 14 × 14 × 20.")

    python(page, "w.predict = False")
    source = widget.get_by_label("Network", exact=True)
    source.select_option("LeNet-5 (1998)")
    expect_text(widget.locator("tfoot"), "60,000")
    source.select_option("MobileNetV2")
    expect_text(widget.locator("tfoot"), "3,504,872")
    expect_text(widget, "shown as the rows that Python has computed, and cannot be edited here")
    rows = widget.locator("tbody tr:visible")
    mobile = nw.mobilenet_v2()
    assert rows.count() == len(mobile.rows) + 1
    assert python(page, "print(w.network.name)") == "MobileNetV2"
    source.select_option("your own stack")
    expect_text(widget.locator("tfoot"), "60,000")  # what was edited last is kept

    # Both themes draw in their own colours, and nothing is wider than 400 pixels.
    fill = "document.querySelector('.cl-bars rect').getAttribute('fill')"
    light = page.evaluate(fill)
    page.evaluate("document.body.setAttribute('data-jp-theme-light', 'false')")
    page.wait_for_function(f"{fill} !== '{light}'")
    widget.evaluate("element => (element.style.width = '400px')")
    page.wait_for_timeout(100)
    assert widget.evaluate("element => element.scrollWidth") <= 400
