"""The Dimensionality visualiser, as a person uses it in a real JupyterLab, against the library."""

import json
import re
from itertools import product
from pathlib import Path

import nbformat
import pytest
from labs import open_notebook

from cnnlesson import arithmetic
from cnnlesson.widgets import Dimensionality, dimensionality, growth
from cnnlesson.widgets.dimensionality import LIMITS, fewest_parameters

KINDS = ("neurons", "shared", "unshared", "dense", "multiply_adds", "memory")


def test_the_running_example_is_the_default():
    shown = dimensionality()
    assert shown.output_shape == (14, 14, 20)
    assert [shown.counts[kind] for kind in KINDS] == [3920, 3860, 756560, 12046160, 752640, 15680]
    assert repr(shown) == (
        "Layer with an input of 32x32x3, 20 filters of 8x8x3, stride 2, padding 1, dilation 1; "
        "output: 14x14x20; parameters: 3,860 shared, 756,560 unshared, 12,046,160 dense"
    )
    assert repr(dimensionality((4, 4, 1), 7, 1)).endswith("none, since the filter does not fit")
    assert growth().view == "growth"
    assert len(Dimensionality._esm.encode()) <= 60_000
    shown.padding = 0
    assert [len(axis.pixels) for axis in shown.unread] == [0, 0]
    shown.stride = 5
    assert [axis.pixels for axis in shown.unread] == [(28, 29, 30, 31)] * 2


@pytest.mark.parametrize(
    ("arguments", "settings", "words"),
    [
        ([(513, 4, 3)], {}, "height is 513, but the control goes from 1 to 512"),
        ([(4, 4, 33)], {}, "in_channels is 33"),
        ([(4, 0, 3)], {}, "width of the shape is 0"),
        ([(4, 4, 3), 12], {}, "filter_size is 12, but the control goes from 1 to 11"),
        ([], {"stride": 0}, "stride is 0, but must be at least 1"),
        ([], {"padding": 33}, "padding is 33"),
        ([], {"goal": {"size": 3}}, "must give an output"),
        ([], {"goal": {"output": [14, 14, 20], "fewest": "hats"}}, "'hats'"),
        ([], {"goal": {"output": [14, 14, 33]}}, r"no settings of the controls reach \[14, 14, 33"),
        (
            [],
            {"goal": {"output": [300, 14, 20], "input": [32, 32, 3]}},
            r"reach \[300, 14, 20\] from an input of \[32, 32, 3\]",
        ),
    ],
)
def test_what_the_controls_do_not_offer_is_refused(arguments, settings, words):
    with pytest.raises(ValueError, match=words):
        dimensionality(*arguments, **settings)


def test_a_number_that_is_not_whole_is_refused():
    with pytest.raises(TypeError, match=r"stride must be a whole number, not 1\.5"):
        dimensionality(stride=1.5)


@pytest.mark.parametrize(
    ("output", "given"),
    [((14, 14, 20), (32, 32, 3)), ((33, 20, 2), (32, 19, 1)), ((9, 1, 5), (64, 40, 2))],
)
def test_the_fewest_parameters_are_those_of_a_search_through_all_settings(output, given):
    names = ("filter_size", "stride", "padding", "dilation")
    reaching = []
    for filter_size, stride, padding, dilation in product(
        *(range(LIMITS[name][0], LIMITS[name][1] + 1) for name in names)
    ):
        steps = {"stride": stride, "padding": padding, "dilation": dilation}
        if max(given[:2]) + 2 * padding <= dilation * (filter_size - 1):
            continue
        sizes = [
            (size + 2 * padding - dilation * (filter_size - 1) - 1) // stride + 1
            for size in given[:2]
        ]
        if sizes == list(output[:2]) and min(sizes) > 0:
            assert arithmetic.output_shape(given, filter_size, output[2], **steps) == output
            reaching.append(arithmetic.parameters_shared(filter_size, given[2], output[2]))
    assert fewest_parameters(output, given) == min(reaching)


def test_a_goal_can_change_and_end():
    shown = Dimensionality(goal={"output": (14, 14, 20), "fewest": "parameters"})
    assert shown.fewest == (1 * 1 * 1 + 1) * 20  # of an input of 14x14x1
    shown.goal = {"output": [14, 14, 20]}
    assert shown.fewest is None
    shown.goal = {}
    assert shown.fewest is None


# --- In JupyterLab ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def notebook(served_course):
    cells = [
        "import json\nfrom cnnlesson.widgets import dimensionality, growth",
        'shown = dimensionality(goal={"output": [14, 14, 20], "fewest": "parameters", '
        '"input": [32, 32, 3]})\nshown',
        "layer = [shown.input_shape, shown.filter_size, shown.out_channels, shown.stride, "
        "shown.padding, shown.dilation, shown.view]\nprint(json.dumps(layer))",
        "shown.input_shape = [20, 30, 2]; shown.filter_size = 3; shown.goal = {}",
        "shown.predict = True",
        "shown = growth()\nshown",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3 (ipykernel)"}
    nbformat.write(notebook, served_course / "notebooks" / "dimensionality.ipynb")
    return "notebooks/dimensionality.ipynb"


@pytest.fixture
def opened(page, lab, notebook):
    page.set_default_timeout(15_000)
    open_notebook(page, lab, notebook)
    run_cell(page, 0)
    return page


@pytest.fixture
def shown(opened):
    run_cell(opened, 1)
    return widget(opened)


def widget(page):
    widget = page.get_by_role("group", name="Dimensionality visualiser")
    widget.wait_for()
    return widget


def run_cell(page, number):
    prompt = page.locator(".jp-CodeCell").nth(number).locator(".jp-InputPrompt")
    before = prompt.inner_text()
    page.locator(".jp-CodeCell .cm-content").nth(number).click()
    page.keyboard.press("Control+Enter")
    page.wait_for_function(
        "([prompt, before]) => /\\d/.test(prompt.textContent) && prompt.textContent !== before",
        arg=[prompt.element_handle(), before],
    )


def in_python(page):
    """What the kernel knows of the layer."""
    run_cell(page, 2)
    output = page.locator(".jp-CodeCell").nth(2).locator(".jp-OutputArea-output")
    return json.loads(output.inner_text())


def choose(shown, **numbers):
    """Type numbers into the controls, as H=40, F=7."""
    names = {"W": "Input width W", "H": "Input height H", "C": "Channels C", "F": "Filter size F"}
    names |= {"K": "Filters K", "S": "Stride S", "P": "Padding P", "D": "Dilation D"}
    for symbol, number in numbers.items():
        field = shown.get_by_label(names[symbol], exact=True)
        field.fill(str(number))
        field.press("Tab")
    next_frame(shown.page)


def next_frame(page):
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => setTimeout(done)))")


def costs(shown):
    """The counts in the table: number by number, as Python writes them."""
    rows = shown.get_by_role("table", name="What the layer costs").get_by_role("row").all()
    return [int(re.sub(r"\D", "", row.locator("td").last.inner_text())) for row in rows]


def expected(H, W, C, F, K, S, P, D):  # noqa: N803
    layer = Dimensionality((H, W, C), F, K, stride=S, padding=P, dilation=D)
    return layer, [layer.counts[kind] for kind in KINDS]


@pytest.mark.browser
def test_the_numbers_shown_are_the_librarys(shown, opened):
    layer = {"H": 32, "W": 32, "C": 3, "F": 8, "K": 20, "S": 2, "P": 1, "D": 1}
    for change in (
        {},
        {"S": 5},  # 26 leaves 1 over: the padding
        {"S": 4, "P": 0},
        {"W": 40, "H": 64, "F": 7, "S": 5, "P": 2, "D": 2, "K": 32},
        {"H": 64, "W": 64, "F": 11, "S": 16, "P": 0, "D": 1},
        {"H": 13, "W": 12, "F": 2, "S": 7},
        {"H": 64, "W": 1, "F": 1, "S": 1, "P": 32, "C": 32},
    ):
        layer |= change
        choose(shown, **change)
        library, counts = expected(**layer)
        assert costs(shown) == counts, layer
        height, width, depth = library.output_shape
        picture = shown.get_by_role("img")
        assert picture.get_attribute("aria-label").endswith(
            f"output {height} by {width} by {depth}."
        )
        formulas = shown.locator(".cl-formula").all_inner_texts()
        for text, size, out in zip(formulas, "WH", (width, height), strict=False):
            assert text.endswith(f"= {out}"), text
            # The steps, as they stand there, come to what they end with.
            floors = "⌊" in text
            steps = text.split("\n\n")[-2].replace("⌊", "(").replace("⌋", ")")
            steps = steps.lstrip("= ").replace("·", "*").replace("−", "-")
            assert (int(eval(steps)) if floors else eval(steps)) == out
            reach = arithmetic.dilated_filter_size(layer["F"], layer["D"])
            assert floors == bool((layer[size] - reach + 2 * layer["P"]) % layer["S"])
        rows, columns = library.unread
        unread = layer["H"] * layer["W"] - (layer["H"] - len(rows.pixels)) * (
            layer["W"] - len(columns.pixels)
        )
        notes = " ".join(shown.locator(".cl-note").all_inner_texts())
        told = re.search(r"In all, ([\d,]+) of", notes)
        assert (int(told[1].replace(",", "")) if told else 0) == unread, notes
        hatched = rows.pixels + rows.padding + columns.pixels + columns.padding
        assert ("hatched" in picture.text_content()) == bool(hatched)
    shape = [layer[symbol] for symbol in "HWC"]
    assert in_python(opened) == [shape, *(layer[symbol] for symbol in "FKSPD"), "volumes"]
    run_cell(opened, 3)
    opened.wait_for_function(
        "field => field.value === '30'",
        arg=shown.get_by_label("Input width W", exact=True).element_handle(),
    )
    next_frame(opened)
    layer |= {"H": 20, "W": 30, "C": 2, "F": 3}
    assert costs(shown) == expected(**layer)[1]


@pytest.mark.browser
def test_a_keyboard_moves_the_sliders_and_what_does_not_fit_is_said(shown, opened):
    voice = shown.get_by_role("status").last
    slider = shown.get_by_label("Stride S, slider")
    slider.focus()
    for _ in range(3):
        opened.keyboard.press("ArrowRight")
    heard(voice, "Output 6 by 6 by 20. Parameters: 3,860 shared, 138,960 unshared, 2,212,560 dense")
    assert in_python(opened)[3] == 5
    stride = dial(shown, "Stride S")
    assert stride.locator(".cl-note").inner_text() == (
        "S = 5 does not divide W − F + 2P = 26. After the last position, 1 column and 1 row are "
        "left over: they are padding, so no pixel of the image is lost."
    )
    choose(shown, P=0)
    assert (
        "4 columns and 4 rows of the image, which stay unread. In all, 240 of 1,024 pixels"
        in stride.inner_text()
    )
    choose(shown, S=2, W=9, H=9, F=11)
    reason = (
        "A filter of size F = 11 does not fit into the padded input, W + padding = 9: "
        "take a filter of at most 9, or an input of at least 11."
    )
    filter_size = dial(shown, "Filter size F")
    assert filter_size.locator(".cl-note").inner_text() == reason
    assert filter_size.locator(".cl-note").get_attribute("id") in shown.get_by_label(
        "Filter size F", exact=True
    ).get_attribute("aria-describedby")
    heard(voice, reason)
    assert "no output" in shown.get_by_role("img").text_content()
    choose(shown, F=3, D=8)
    assert filter_size.locator(".cl-note").inner_text() == ""
    assert "which dilation 8 spreads over 17 pixels" in dial(shown, "Dilation D").inner_text()
    choose(shown, D=1)
    for nonsense in ("10000", "0", "2.5"):
        choose(shown, W=nonsense)
        refusal = f"Input width W must be a whole number from 1 to 64, not “{nonsense}”."
        assert refusal in dial(shown, "Input width W").inner_text()
    assert in_python(opened)[0] == [9, 9, 3]


def dial(shown, label):
    return shown.locator(".cl-dial", has=shown.page.get_by_label(label, exact=True))


def heard(voice, words):
    voice.page.wait_for_function(
        "([voice, words]) => voice.textContent.startsWith(words)",
        arg=[voice.element_handle(), words],
    )


@pytest.mark.browser
def test_a_goal_is_met_and_a_prediction_compared(shown, opened):
    goal = shown.locator(".cl-goal")
    task = "Goal: an output of 14 × 14 × 20 from an input of 32 × 32 × 3 with the fewest parameters"
    assert goal.inner_text() == (
        f"{task}. The size is right, but it can be done with fewer than 3,860 parameters."
    )
    choose(shown, F=1)
    assert goal.inner_text() == f"{task}. Not yet: the output is 17 × 17 × 20."
    choose(shown, S=3, P=4)
    assert (
        goal.inner_text()
        == f"{task}. Reached! 80 parameters are the fewest that the controls allow."
    )
    choose(shown, C=1)
    assert goal.inner_text() == f"{task}. Not yet: the input is 32 × 32 × 1."
    choose(shown, C=3)
    run_cell(opened, 4)
    shown.get_by_text("Predict first").wait_for()
    assert goal.inner_text() == f"{task}."
    assert not shown.get_by_role("table").is_visible()
    assert "14" not in shown.get_by_role("img").text_content()
    reveal = shown.get_by_role("button", name="Show it")
    reveal.click()
    shown.get_by_text("Give all four as whole numbers first.").wait_for()
    guesses = {"height": 14, "width": 14, "depth": 3, "parameters (shared)": 80}
    for name, number in guesses.items():
        shown.get_by_label(f"predicted {name}", exact=True).fill(str(number))
    reveal.click()
    shown.get_by_text(
        "You predicted 14 × 14 × 3 and 80 parameters; it is 14 × 14 × 20 and 80 parameters: "
        "3 of 4 right."
    ).wait_for()
    assert costs(shown)[1] == 80


@pytest.mark.browser
def test_growth_is_drawn_and_told_as_a_table(opened):
    run_cell(opened, 5)
    shown = widget(opened)
    shown.get_by_label("Image size W = H", exact=True).fill("500")
    opened.keyboard.press("Tab")
    shown.get_by_text("The same numbers as a table").click()
    rows = shown.get_by_role("table", name="Parameters against image size").get_by_role("row").all()
    read = [row.inner_text().split("\t") for row in rows[1:]]
    sizes = [8, 16, 32, 64, 128, 256, 500, 512]
    assert [row[0] for row in read] == [f"{size} × {size}" for size in sizes]
    for size, row in zip(sizes, read, strict=True):
        counts = dimensionality((size, size, 3)).counts
        wanted = [f"{counts[kind]:,}" for kind in ("shared", "unshared", "dense")]
        assert [cell.strip() for cell in row[1:]] == wanted
    picture = shown.get_by_role("img")
    assert f"At 500 by 500: {counts_in_words(500)}." in picture.get_attribute("aria-label")
    dashes = {path.get_attribute("stroke-dasharray") for path in picture.locator("path").all()}
    assert {"", "9 4", "2 3"} <= dashes
    assert {"shared", "unshared", "dense"} <= set(picture.locator("text").all_text_contents())
    light = picture.locator("svg").inner_html()
    opened.evaluate("document.body.setAttribute('data-jp-theme-light', 'false')")
    opened.wait_for_function(
        "([picture, light]) => picture.querySelector('svg').innerHTML !== light",
        arg=[picture.element_handle(), light],
    )
    for kind, start in (("SVG", b"<svg"), ("PNG", b"\x89PNG")):
        with opened.expect_download() as saved:
            shown.get_by_role("button", name=f"Save picture ({kind})").click()
        assert Path(saved.value.path()).read_bytes().startswith(start)
    # Back to the volumes of an image larger than they begin with: nothing is changed unasked.
    shown.get_by_role("button", name="Volumes").click()
    assert in_python(opened) == [[500, 500, 3], 8, 20, 2, 1, 1, "volumes"]


def counts_in_words(size):
    counts = dimensionality((size, size, 3)).counts
    return ", ".join(f"{counts[kind]:,} {kind}" for kind in ("shared", "unshared", "dense"))
