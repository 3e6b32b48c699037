"""The Convolution visualiser, as a person uses it in a real JupyterLab, against the library."""

import json
import re
from pathlib import Path

import nbformat
import numpy as np
import pytest
from labs import open_notebook

from cnnlesson import ops, pictures
from cnnlesson.drawing import Drawing
from cnnlesson.widgets import Convolution, convolution, padding


def test_output_is_the_librarys():
    random = np.random.default_rng(0)
    image, filters = random.normal(size=(3, 9, 7)), random.normal(size=(4, 3, 3, 2))
    shown = Convolution(image, filters, stride=2, padding=((1, 0), (2, 1)), dilation=2)
    expected = ops.conv2d(image[None], filters, stride=2, padding=((1, 0), (2, 1)), dilation=2)[0]
    np.testing.assert_array_equal(shown.output, expected)
    shown.stride = 1
    assert shown.output.shape == (4, 6, 8)


def test_it_tells_what_it_shows():
    assert repr(convolution()) == (
        "Convolution of an input of 5x5x1 with 1 filter of 3x3x1, stride 1, padding 0, "
        "dilation 1; output: 3x3x1"
    )
    assert repr(padding(padding=((0, 1), (2, 3)))).endswith(
        "output: 4x8x1; each pixel of the input is used 3 to 9 times"
    )
    assert repr(convolution(stride=1, dilation=4)).endswith(
        "output: none, since the filter does not fit"
    )
    assert repr(padding(padding=2)).endswith("is used 9 times")


@pytest.mark.parametrize("settings", [{}, {"stride": 2}, {"dilation": 2}, {"stride": 3}])
def test_a_pixels_uses_are_its_gradient_under_a_filter_of_ones(settings):
    widget = padding(np.ones((7, 6)), np.ones((4, 3)), padding=((0, 1), (2, 3)), **settings)
    padded, filters = np.ones((1, 1, 8, 11)), np.ones((1, 1, 4, 3))
    dy = np.ones_like(ops.conv2d(padded, filters, **settings))
    dx = ops.conv2d_gradients(padded, filters, dy, **settings)[0]
    np.testing.assert_array_equal(widget.uses, dx[0, 0])


def test_at_rest_padding_shows_how_often_each_pixel_is_used():
    at_rest = padding(filters=np.ones((3, 3)), predict=True).picture().svg()
    shown = re.findall(r"<text[^>]*>([\d.]+)<", at_rest)
    assert list(map(int, shown)) == [*padding().uses.ravel(), *[1] * 9]


@pytest.mark.parametrize(
    ("arguments", "settings", "words"),
    [
        ([[["a"]]], {}, "grid of numbers"),
        ([[1, 2]], {}, r"shape \(2,\)"),
        ([[[np.nan]]], {}, "not finite"),
        ([np.zeros((65, 4))], {}, "65x4x1 is too large"),
        ([np.zeros((4, 5, 5)), np.zeros((4, 3, 3))], {}, "5x5x4 is too large"),
        ([np.zeros((5, 5)), np.zeros((2, 3, 3))], {}, "2 channels do not fit an input of 1"),
        ([np.zeros((9, 9)), np.zeros((12, 12))], {}, "filters of 12x12"),
        ([], {"bias": [1, 2]}, "2 biases for 1 filters"),
        ([], {"padding": -1}, "padding is -1"),
    ],
)
def test_what_cannot_be_shown_is_refused(arguments, settings, words):
    with pytest.raises(ValueError, match=words):
        convolution(*arguments, **settings)


@pytest.fixture(scope="module")
def notebook(served_course):
    """A notebook with a visualiser, and cells that say what Python knows of it."""
    cells = [
        "import json\nfrom cnnlesson.widgets import convolution, padding",
        "shown = convolution(bias=[0.5], stride=2, padding=1)\nshown",
        "names = ('stride', 'padding', 'position', 'input')\n"
        "state = {name: getattr(shown, name) for name in names}\n"
        "print(json.dumps(state | {'output': shown.output.tolist()}))",
        "shown.stride = 1",
        "convolution(goal={'output': [5, 5]}, predict=True)",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3 (ipykernel)"}
    nbformat.write(notebook, served_course / "notebooks" / "convolution.ipynb")
    return "notebooks/convolution.ipynb"


@pytest.fixture
def shown(page, lab, notebook):
    """The visualiser, after the notebook's first two cells have run."""
    open_notebook(page, lab, notebook)
    run_cell(page, 0)
    run_cell(page, 1)
    widget = page.get_by_role("group", name="Convolution visualiser")
    widget.wait_for()
    return widget


def run_cell(page, number):
    page.locator(".jp-CodeCell .cm-content").nth(number).click()
    page.keyboard.press("Control+Enter")
    page.locator(".jp-CodeCell").nth(number).locator(
        ".jp-InputPrompt", has_text=re.compile(r"\d")
    ).wait_for()


def in_python(page):
    """What the kernel knows of the visualiser, once it has settled."""
    cell = page.locator(".jp-CodeCell").nth(2)
    before = cell.locator(".jp-InputPrompt").inner_text()
    page.locator(".jp-CodeCell .cm-content").nth(2).click()
    page.keyboard.press("Control+Enter")
    page.wait_for_function(
        "([cell, before]) => /\\d/.test(cell.textContent) && cell.textContent !== before",
        arg=[cell.locator(".jp-InputPrompt").element_handle(), before],
    )
    return json.loads(cell.locator(".jp-OutputArea-output").inner_text())


def walk(page, grid):
    """Read a grid as a screen reader does: cell by cell, by the arrow keys."""
    rows, columns = (int(grid.get_attribute(f"aria-{name}count")) for name in ("row", "col"))
    cell = grid.get_by_role("gridcell")
    cell.focus()
    page.keyboard.press("Control+Home")
    read = []
    for _ in range(rows):
        page.keyboard.press("Home")
        for column in range(columns):
            assert int(cell.get_attribute("aria-colindex")) == column + 1
            read.append(cell.text_content())
            page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowDown")
    return np.array([number(text) for text in read]).reshape(rows, columns)


def number(text):
    """The number in what a cell says, such as "row 1, column 0: −2.5"."""
    return float(text.split(": ")[1].replace("−", "-"))


@pytest.mark.browser
def test_a_keyboard_walks_the_grids_and_reads_the_librarys_numbers(shown, page):
    output = shown.get_by_role("grid", name=re.compile("Output"))
    read = walk(page, output)
    np.testing.assert_allclose(read, in_python(page)["output"][0], atol=0.005)
    cell = output.get_by_role("gridcell")
    cell.focus()
    page.keyboard.press("Control+Home")
    page.keyboard.press("ArrowDown")
    voice = shown.get_by_role("status").last
    page.wait_for_function(
        "voice => voice.textContent.includes('row 1')", arg=voice.element_handle()
    )
    assert voice.text_content().startswith("Output row 1, column 0: ")
    assert in_python(page)["position"] == [1, 0]


@pytest.mark.browser
def test_changes_go_both_ways_and_bad_input_is_refused(shown, page):
    shown.get_by_role("button", name="Stride S: more").click()
    state = in_python(page)
    assert state["stride"] == 3
    heading = shown.get_by_role("heading", name=re.compile("Output"))
    assert heading.inner_text() == "Output, 2 × 2"
    run_cell(page, 3)  # shown.stride = 1, in Python
    page.wait_for_function("h => h.textContent === 'Output, 5 × 5'", arg=heading.element_handle())

    field = shown.get_by_label("Padding P, every side", exact=True)
    for nonsense in ("10000", "-1", "1.5"):
        field.fill(nonsense)
        field.press("Tab")
        refusal = shown.get_by_text(f"must be a whole number from 0 to 32, not “{nonsense}”")
        refusal.wait_for()
    assert in_python(page)["padding"] == [1, 1, 1, 1]

    grid = shown.get_by_role("grid", name=re.compile("Input"))
    grid.get_by_role("gridcell").focus()
    page.keyboard.press("Control+Home")
    for text, expected in (("7", 0), ("x", 0)):  # the first cell is padding
        page.keyboard.press("Enter")
        page.keyboard.type(text)
        page.keyboard.press("Enter")
        assert in_python(page)["input"][0][0][0] == expected
        grid.get_by_role("gridcell").focus()
    shown.get_by_text("“x” is no number: the cell keeps its value.").wait_for()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    page.keyboard.type("-2.5")
    page.keyboard.press("Enter")
    state = in_python(page)
    assert state["input"][0][0][0] == -2.5
    np.testing.assert_allclose(
        walk(page, shown.get_by_role("grid", name=re.compile("Output"))),
        state["output"][0],
        atol=0.005,
    )


@pytest.mark.browser
def test_hovering_tells_who_meets_whom(shown, page):
    filter_grid = shown.get_by_role("grid", name=re.compile("Filter"))
    filter_grid.locator("canvas").first.hover(position={"x": 5, "y": 5})
    shown.get_by_text("This one weight is used at 9 places").wait_for()
    shown.get_by_role("grid", name=re.compile("Output")).locator("canvas").first.hover(
        position={"x": 5, "y": 5}
    )
    spelled = shown.locator(".cl-sum").inner_text()
    products, total = spelled.replace("−", "-").split(" = ")
    *terms, bias = products.split(" + ")
    assert len(terms) == 9
    factors = [[float(factor.strip("()")) for factor in term.split("·")] for term in terms]
    value = sum(pixel * weight for pixel, weight in factors) + float(bias.removeprefix("bias "))
    assert value == pytest.approx(float(total), abs=0.005)
    assert value == pytest.approx(in_python(page)["output"][0][0][0], abs=0.005)


@pytest.mark.browser
def test_what_does_not_fit_is_said_and_nothing_breaks(shown):
    dilation = shown.get_by_label("Dilation D", exact=True)
    dilation.fill("8")
    dilation.press("Tab")
    reason = shown.get_by_text("A filter of size F = 3, which dilation 8 spreads over 17 pixels")
    reason.wait_for()
    shown.get_by_role("button", name="full").click()
    reason.wait_for(state="detached")
    heading = shown.get_by_role("heading", name=re.compile("Output"))
    assert heading.inner_text() == "Output, 11 × 11"  # floor((5 - 17 + 32) / 2) + 1


@pytest.mark.browser
@pytest.mark.usefixtures("shown")
def test_a_prediction_comes_first_and_a_goal_is_judged(page):
    run_cell(page, 4)
    asking = page.get_by_role("group", name="Convolution visualiser").nth(1)
    asking.get_by_role("heading", name="Output: predict its size first").wait_for()
    asking.get_by_role("button", name="Show it").click()
    asking.get_by_text("Give a height and a width as whole numbers first.").wait_for()
    asking.get_by_label("predicted height").fill("4")
    asking.get_by_label("predicted width").fill("3")
    asking.get_by_role("button", name="Show it").click()
    asking.get_by_text("You predicted 4 × 3; it is 3 × 3.").wait_for()
    asking.get_by_text("Goal: an output of 5 × 5. Not yet.").wait_for()
    asking.get_by_role("button", name="same (PyTorch)").click()
    asking.get_by_text("Goal: an output of 5 × 5. Reached!").wait_for()
    asking.get_by_text("You predicted 4 × 3; it is 3 × 3.").wait_for()  # of the layer it was for
    asking.get_by_role("button", name="Stride S: more").click()
    asking.get_by_role("button", name="same (PyTorch)").click()
    asking.get_by_text("PyTorch has no “same” padding at stride 2").wait_for()


@pytest.mark.browser
def test_stepping_playing_pictures_and_saving(shown, page):
    shown.get_by_role("button", name="Step", exact=True).click()
    assert in_python(page)["position"] == [0, 1]
    shown.get_by_role("button", name="Step back").click()
    shown.get_by_role("button", name="Step back").click()
    assert in_python(page)["position"] == [2, 2]  # the last, since it goes round
    shown.get_by_role("button", name="Play").click()
    shown.get_by_role("button", name="Pause").wait_for()
    page.wait_for_timeout(1000)
    shown.get_by_role("button", name="Pause").click()
    assert in_python(page)["position"] != [2, 2]

    shown.get_by_label("Input from").select_option("the cat")
    state = in_python(page)
    assert np.shape(state["input"]) == (1, 24, 24)
    np.testing.assert_allclose(state["input"][0], pictures.cat(24)[0], atol=0.005)
    assert np.shape(state["output"]) == (1, 12, 12)

    with page.expect_file_chooser() as chosen:
        shown.get_by_label("Input from").select_option("own")
    nothing = {"name": "cat.png", "mimeType": "image/png", "buffer": b"no picture at all"}
    chosen.value.set_files(nothing)
    shown.get_by_text("“cat.png” is not a picture that this browser can read").wait_for()
    with page.expect_file_chooser() as chosen:
        shown.get_by_label("Input from").select_option("numbers")
        shown.get_by_label("Input from").select_option("own")
    drawing = Drawing(90, 120, "a test", "two halves")
    drawing.rectangle(0, 0, 90, 60, fill="#000000")
    picture = {"name": "own.png", "mimeType": "image/png", "buffer": drawing.png(scale=1)}
    chosen.value.set_files(picture)
    page.wait_for_timeout(500)
    own = np.array(in_python(page)["input"])
    assert own.shape == (1, 64, 48)  # scaled down to what can be shown
    assert own[0, :30].max() < 0.1
    assert own[0, 34:].min() > 0.9

    for form, start in (("SVG", b"<svg "), ("PNG", b"\x89PNG")):
        with page.expect_download() as saved:
            shown.get_by_role("button", name=f"Save picture ({form})").click()
        assert Path(saved.value.path()).read_bytes().startswith(start)
