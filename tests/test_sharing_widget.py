"""The ParameterSharing visualiser: its numbers, in Python and in the browser, and its use."""

import base64
import itertools
import re
from xml.etree import ElementTree

import nbformat
import numpy as np
import pytest
import traitlets
from labs import open_notebook

from cnnlesson import ops
from cnnlesson.widgets import ParameterSharing, sharing

# --- In Python -------------------------------------------------------------------------------


def test_the_running_example_has_the_lessons_counts():
    shown = sharing()
    assert shown.parameters == (3_860, 756_560)
    assert shown.shift_then_convolve.shape == (14, 14)
    assert "3860 parameters if shared, 756560 if unshared" in repr(shown)


def test_a_map_of_the_library_is_the_formula():
    for shared in (True, False):
        shown = sharing(shared=shared, stride=2, shift=[3, -2])
        image = ops.pad(shown._shifted(shown._cat_at_start, (3, -2))[None], 1)[0]
        for i, j in ((0, 0), (5, 7), (13, 13)):
            patch = image[:, 2 * i : 2 * i + 8, 2 * j : 2 * j + 8]
            weights = shown.weights if shared else shown.weights[i, j]
            assert shown.shift_then_convolve[i, j] == (weights * patch).sum()


@pytest.mark.parametrize("filter_size", [1, 2, 3, 8, 11])
def test_shared_weights_round_a_circle_are_equivariant(filter_size):
    settings = {"border": "circular", "filter_size": filter_size}
    for shift in ([1, 0], [-3, 5], [15, -16]):
        assert sharing(stride=1, shift=shift, **settings).difference == 0
    for shift in ([2, 0], [-4, 6], [14, -16]):
        assert sharing(stride=2, shift=shift, **settings).difference == 0
    assert sharing(stride=2, shift=[3, 0], **settings).difference > 0
    assert sharing(stride=1, shift=[3, 0], shared=False, **settings).difference > 0


def test_zero_borders_are_exact_while_the_response_stays_inside():
    inside = {"stride": 1, "filter_size": 3, "padding": 1}
    assert sharing(shift=[9, -9], **inside).difference == 0  # the cat lies a pixel from the border
    assert sharing(shift=[12, 0], **inside).difference > 0  # and is cut off here


def test_unshared_weights_are_fixed_by_the_seed():
    first, again, other = (sharing(shared=False, seed=seed) for seed in (0, 0, 1))
    assert np.array_equal(first.weights, again.weights)
    assert not np.array_equal(first.weights, other.weights)
    assert len(np.unique(first.weights.reshape(196, -1), axis=0)) == 196
    assert abs(first.weights.mean()) < 0.01
    assert np.array_equal(sharing().weights, first.weights[0, 0])


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"input_shape": [10_000, 32, 3]}, "10000x32 cannot be shown: .* from 16 to 64"),
        ({"input_shape": [32, 32, 2]}, "depth of the input is 2"),
        ({"input_shape": [32, 32]}, r"not \[32, 32\]"),
        ({"filter_size": 12}, "filter_size is 12, but must be from 1 to 11"),
        ({"stride": 0}, "stride is 0"),
        ({"shift": [64, 0]}, r"less than 64 pixels, not \[64, 0\]"),
        ({"goal": {"equals": True}}, "must hold equal"),
    ],
)
def test_a_setting_out_of_range_is_refused(settings, words):
    with pytest.raises(traitlets.TraitError, match=words):
        sharing(**settings)


# --- The browser's numbers are the library's -------------------------------------------------

_STAGE = """async ({ source, states }) => {
  const { default: { render } } = await import("data:text/javascript;base64," + source);
  const state = { ...states[0] }, listeners = {};
  const model = {
    get: (name) => state[name], set: (name, value) => (state[name] = value), save_changes() {},
    on: (event, listener) => (listeners[event] = listener), off() {},
  };
  const el = document.body.appendChild(document.createElement("div"));
  render({ model, el });
  const shown = [];
  for (const next of states) {
    Object.assign(state, next);
    listeners["change:stride"]();
    await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    const counts = el.querySelector(".cl-counts").textContent;
    const verdict = el.querySelector(".cl-verdict").textContent;
    shown.push([el.querySelector("data").value, counts, verdict]);
  }
  return shown;
}"""


@pytest.mark.browser
def test_the_browser_computes_what_the_library_computes(page):
    shown = [
        ParameterSharing(
            input_shape=shape,
            filter_size=size,
            out_channels=7,
            filter=index % 7,
            padding=padding,
            stride=stride,
            border=border,
            shared=shared,
            shift=shift,
            seed=index,
            cat_size=16 if index % 3 else 8,
        )
        for index, (shape, (size, padding), stride, border, shared, shift) in enumerate(
            itertools.product(
                ([16, 16, 1], [33, 28, 3]),
                ((1, 0), (4, 2), (11, 5)),
                (1, 2, 3),
                ("zeros", "circular"),
                (True, False),
                ([0, 0], [2, -4], [-13, 9]),
            )
        )
    ]
    shown.append(
        sharing(input_shape=[64, 64, 3], filter_size=11, out_channels=32, stride=1, shared=False)
    )
    names = [*shown[0].trait_names(sync=True)]
    states = [
        {name: getattr(widget, name) for name in names if not name.startswith("_")}
        for widget in shown
    ]
    for state in states:
        for name in ("layout", "tabbable", "tooltip", "comm"):
            state.pop(name, None)
    source = base64.b64encode(ParameterSharing._esm.encode()).decode()
    page.goto("about:blank")
    results = page.evaluate(_STAGE, {"source": source, "states": states})
    for widget, (difference, counts, _) in zip(shown, results, strict=True):
        assert float(difference) == widget.difference, widget  # no tolerance: the sums are exact
        for count in widget.parameters:
            assert f"= {count:,} parameters" in counts, widget
    # Some of both, and a reason for each that is not equal.
    equal = [widget.difference == 0 for widget in shown]
    assert 20 < sum(equal) < len(shown) - 20
    for widget, (_, _, words) in zip(shown, results, strict=True):
        height, width, _ = widget.input_shape
        if widget.shift == [0, 0]:
            expected = "Move the cat"
        elif widget.difference == 0:
            expected = "The same pattern" if widget.shared else "No difference here"
        elif not widget.shared:
            expected = "weights of their own"
        elif any(pixels % widget.stride for pixels in widget._moved):
            expected = f"no multiple of the stride {widget.stride}"
        elif widget.border == "circular":
            assert height % widget.stride or width % widget.stride, widget
            expected = "does not divide"
        else:
            expected = "beyond the border"
        assert re.search(expected, words), widget


# --- As a person would -----------------------------------------------------------------------

_CELLS = (
    "from cnnlesson.widgets import sharing\n"
    "shown = sharing(goal={'equal': False, 'shared': True, 'stride': 2})\nshown",
    "print(shown.shared, shown.shift, shown.stride, shown.parameters, shown.difference)",
    "shown.shift = [2, 4]; shown.shared = True",
    "asked = sharing(predict=True, input_shape=[64, 64, 3], filter_size=11, out_channels=32)\n"
    "asked",
)


def _run(page, number):
    """Run a cell, and give what it printed."""
    cell = page.locator(".jp-CodeCell").nth(number)
    before = cell.locator(".jp-InputPrompt").inner_text()
    cell.locator(".cm-content").click()
    page.keyboard.press("Control+Enter")
    page.wait_for_function(
        "([cell, before]) => { const now = cell.querySelector('.jp-InputPrompt').innerText;"
        " return now !== before && /\\d/.test(now); }",
        arg=[cell.element_handle(), before],
    )
    return cell.locator(".jp-OutputArea-output").all_inner_texts()


@pytest.mark.browser
def test_a_reader_shares_weights_and_moves_the_cat(page, lab, served_course):
    cells = [nbformat.v4.new_code_cell(cell) for cell in _CELLS]
    kernel = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
    nbformat.write(
        nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel}),
        served_course / "sharing.ipynb",
    )
    open_notebook(page, lab, "sharing.ipynb")
    for number in (0, 3):
        _run(page, number)
    first, asked = page.locator(".cnnlesson").first, page.locator(".cnnlesson").nth(1)
    verdict, said = first.locator(".cl-verdict"), first.locator("[role=status]").last
    cat = first.get_by_role("button", name=re.compile("^The cat"))

    def expect(locator, words):
        try:
            locator.filter(has_text=re.compile(words)).wait_for(state="attached", timeout=10_000)
        except Exception:
            pytest.fail(f"{words!r} is not in {locator.all_inner_texts()}")

    # The counts, and the switch.
    expect(first.locator(".cl-counts"), r"= 3,860 parameters ◀ now.*= 756,560 parameters")
    first.get_by_role("button", name="Unshared weights").click()
    expect(first.locator(".cl-counts"), r"= 3,860 parameters[^◀]*= 756,560 parameters ◀ now")

    # By keyboard, without JupyterLab taking the arrows; then the live region says one sentence.
    cat.focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowDown", "Shift+ArrowDown", "ArrowUp"):
        page.keyboard.press(key)
    expect(said, "^Weights unshared, 756,560 parameters; the cat moved 2 down and 2 right. Largest")
    expect(verdict, "another pattern")
    numbers = _run(page, 1)[0]
    assert numbers.startswith("False [2, 2] 2 Parameters(shared=3860, unshared=756560)")
    assert float(numbers.split()[-1]) == float(verdict.locator("data").get_attribute("value"))

    # By buttons, with shared weights: equal after whole strides, not after others.
    first.get_by_role("button", name="Shared weights", exact=True).click()
    expect(verdict, r"^Largest difference: 0 \(exactly\). The same pattern")
    expect(first.locator(".cl-goal"), "Not yet")
    first.get_by_role("button", name="Move the cat left").click()
    expect(verdict, "A move of 1 pixel is no multiple of the stride 2")
    expect(first.locator(".cl-goal"), "Reached!")

    # By the mouse.
    first.get_by_role("button", name="Back to the start").click()
    expect(verdict, "Move the cat")
    box = cat.bounding_box()
    cell = box["width"] / 12
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 4 * cell, y + 2 * cell, steps=5)
    page.mouse.up()
    expect(verdict, "The same pattern")
    assert _run(page, 1)[0].startswith("True [2, -4] 2")

    # A cell of a map is a stop for the keyboard, and its numbers are the library's.
    grid = first.get_by_role("grid", name="Shift, then convolve")
    grid.get_by_role("gridcell").focus()
    page.keyboard.press("Control+Home")
    for key in ["ArrowDown"] * 7 + ["ArrowRight"] * 5:
        page.keyboard.press(key)
    value = sharing(shift=[2, -4]).shift_then_convolve[7, 5]
    expect(said, "^Output row 7, column 5 uses the weights w that all patches share")
    told = re.search("Shift, then convolve: (.*?);", said.inner_text())[1].replace("−", "-")
    assert float(told) == pytest.approx(value, abs=5e-4)

    # From Python; a bad number is refused where it was typed.
    _run(page, 2)
    expect(said, "moved 2 down and 4 right")
    stride = first.get_by_label("Stride S", exact=True)
    stride.fill("10000")
    stride.press("Enter")
    expect(first.locator(".cl-problem"), "Stride S must be a whole number from 1 to 4, not “10000”")
    assert _run(page, 1)[0].startswith("True [2, 4] 2")

    # A prediction comes first.
    expect(asked.locator(".cl-counts"), "Shared: ?")
    asked.get_by_role("button", name="Show it").click()
    expect(asked.locator(".cl-problem"), "Give both counts as whole numbers")
    asked.get_by_label("predicted parameters, shared").fill("11,648")
    asked.get_by_label("predicted parameters, unshared").fill("5")
    asked.get_by_role("button", name="Show it").click()
    truth = sharing(input_shape=[64, 64, 3], filter_size=11, out_channels=32).parameters
    expect(asked.locator(".cl-counts"), f"= {truth.unshared:,} parameters")
    expect(
        asked.locator("[role=status]"),
        f"You predicted 11,648 shared and 5 unshared; it is {truth.shared:,} shared and "
        f"{truth.unshared:,} unshared",
    )

    # The dark theme, and a picture to keep.
    light = first.evaluate("e => getComputedStyle(e).backgroundColor")
    page.locator("body").evaluate("b => b.setAttribute('data-jp-theme-light', 'false')")
    assert first.evaluate("e => getComputedStyle(e).backgroundColor") != light
    with page.expect_download() as saved:
        first.get_by_role("button", name="Save picture (SVG)").click()
    svg = saved.value.path().read_text()
    assert "= 756,560 parameters" in svg
    ElementTree.fromstring(svg)
