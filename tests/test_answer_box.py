"""The answer box: what it hides and hashes, how it reads what is typed, and its use by hand."""

import importlib.util
import json
import math
import re
import xml.etree.ElementTree as ET
from fractions import Fraction
from hashlib import sha256

import nbformat
import numpy as np
import pytest
from course import ROOT
from hypothesis import given
from hypothesis import strategies as st
from labs import open_notebook

from cnnlesson.widgets.answer_box import AnswerBox, canonical, sealed
from cnnlesson.widgets.base import style

REPLIES = [
    (3860, True, "One filter has 8 · 8 · 3 weights and one bias, and there are 20 of them."),
    (3840, False, "That leaves out the biases."),
    (3860.5, False, "Half a parameter?"),
    (3860.5, False, "A stride that was taken for a weight?"),
]
OTHERWISE = "Begin with one filter: how many weights has it?"
WORK = "(8·8·3 + 1)·20\n= 193·20\n= 3860"
OPTIONS = [("a", "It grows with the image."), ("b", "It stays the same."), ("c", "It halves.")]


def box(**settings):
    return AnswerBox(
        "Parameter Sharing",
        fields=["number of parameters"],
        **sealed("salt", REPLIES, OTHERWISE, WORK),
        **settings,
    )


# --- Python ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "written"),
    [
        (3860, "3860"),
        (-4, "-4"),
        (14.0, "14"),
        (13.5, "27/2"),
        (0.1, "1/10"),
        (1e22, "1" + 22 * "0"),
        (Fraction(28, 2), "14"),
        (np.int64(7), "7"),
        (np.float64(0.25), "1/4"),
        ((14, 14, 20), "14,14,20"),
        ([13.5, 14], "27/2,14"),
        ("b", "b"),
        (("c", "a"), "a,c"),
        ({"c", "b", "a"}, "a,b,c"),
    ],
)
def test_an_answer_is_written_in_one_way(answer, written):
    assert canonical(answer) == written


@given(st.lists(st.fractions(max_denominator=10**9), min_size=1, max_size=4))
def test_what_is_written_reads_back_as_the_same_numbers(numbers):
    assert [Fraction(part) for part in canonical(numbers).split(",")] == numbers


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (None, TypeError, "not None of type NoneType"),
        (True, TypeError, "not True of type bool"),
        (b"14", TypeError, "not b'14' of type bytes"),
        ({14, 20}, TypeError, "numbers come in order"),
        (math.nan, ValueError, "nan, which nobody can type"),
        (math.inf, ValueError, "inf, which nobody can type"),
        (10**40, ValueError, "40 digits at most"),
        ("3860", ValueError, "not '3860'"),
        ((), ValueError, r"\(\), which nobody can give"),
        (("a", "a"), ValueError, "holds an option twice"),
    ],
)
def test_what_nobody_can_answer_is_refused(answer, error, words):
    with pytest.raises(error, match=words):
        canonical(answer)


def test_a_seal_needs_a_salt_and_a_right_answer_that_is_not_wrong_too():
    with pytest.raises(ValueError, match="salt is ''"):
        sealed("", REPLIES, OTHERWISE)
    with pytest.raises(ValueError, match="none of the 1 answers is right"):
        sealed("salt", [(3, False, "no")], OTHERWISE)
    with pytest.raises(ValueError, match="3 is listed both as right and as wrong"):
        sealed("salt", [(3, True, "yes"), (Fraction(6, 2), False, "no")], OTHERWISE)


@pytest.mark.parametrize(
    ("arguments", "settings", "words"),
    [
        ([""], {}, "title is ''"),
        (["T", "essay"], {}, "form is 'essay'"),
        (["T", "number"], {"fields": []}, r"fields are \[\]"),
        (["T", "size"], {"fields": ["side", "side"]}, "a label of its own"),
        (["T", "number"], {"options": OPTIONS}, "a number has no options"),
        (["T", "choice"], {}, r"options are \[\]"),
        (["T", "choice"], {"options": [("a", "1"), ("a", "2")]}, r"\['a', 'a'\]"),
        (["T", "choice"], {"options": [("1", "1"), ("2", "2")]}, "not '1'"),
        (["T", "several"], {"options": OPTIONS, "fields": ["n"]}, "a choice has no fields"),
        (["T", "several"], {"options": ["a", "b"]}, "an option is a key and its words"),
    ],
)
def test_a_box_that_cannot_be_answered_is_refused(arguments, settings, words):
    with pytest.raises(ValueError, match=words):
        AnswerBox(*arguments, **settings)


def test_the_page_shows_neither_an_answer_nor_a_diagnosis():
    names = ("title", "form", "fields", "options", "salt", "replies", "otherwise", "work")
    state = json.dumps({name: getattr(box(), name) for name in names})
    for answer, _, say in REPLIES:
        assert say not in state
        assert canonical(answer) not in re.sub("[0-9a-f]{64}", "", state)
    assert WORK not in state
    assert OTHERWISE in state
    hashes = [reply["hash"] for reply in box().replies]
    assert hashes[0] == sha256(b"salt\n3860").hexdigest()
    assert hashes[2] == hashes[3]


def test_equal_words_to_one_answer_are_sealed_differently():
    # Otherwise the one would open the other.
    seal = sealed("salt", [(3, True, "same"), (3, True, "same")], "no", "same")
    assert len({reply["say"] for reply in seal["replies"]} | {seal["work"].split()[0]}) == 3


def test_at_rest_it_is_a_picture_of_an_empty_box():
    data, metadata = box()._repr_mimebundle_()
    words = "Parameter Sharing – answer box: run this cell to answer"
    assert data["text/plain"] == repr(box()) == words == metadata["image/png"]["alt"]
    drawing = ET.fromstring(data["image/svg+xml"])
    assert drawing.find("{*}desc").text == words
    assert "3860" not in data["image/svg+xml"]
    again, _ = box()._repr_mimebundle_()
    assert again["image/svg+xml"] == data["image/svg+xml"]
    choice = AnswerBox("Growth", "choice", options=OPTIONS)
    assert choice.description().endswith("grows with the image.; It stays the same.; It halves.")
    assert "It stays the same." in choice.picture().svg()


def test_the_module_is_small_and_asks_for_nothing():
    assert len(AnswerBox._esm.encode()) <= 25_000
    for request in ("fetch(", "XMLHttpRequest", "import(", "https:", "url(", "eval(", "innerHTML"):
        assert request not in (AnswerBox._esm + AnswerBox._css).split("// --- SHA-256")[-1]


# --- Its JavaScript, in Chromium -------------------------------------------------------------


@pytest.fixture(scope="module")
def javascript(browser):
    """Map a list through functions of the widget's own module: javascript(body, items)."""
    page = browser.new_page()

    def evaluate(body, items):
        return page.evaluate(
            """async ([code, body, items]) => {
                const url = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
                const { sha256, judge, readNumber, readList } = await import(url);
                const each = new Function("sha256", "judge", "readNumber", "readList", "item",
                    `try { return (${body})(item) }
                     catch (error) { return { refused: error.message } }`);
                return items.map((item) => each(sha256, judge, readNumber, readList, item));
            }""",
            [AnswerBox._esm, body, items],
        )

    yield evaluate
    page.close()


@pytest.mark.browser
@given(st.data())
def test_the_hash_is_sha_256(javascript, data):
    long = st.integers(0, 300).map(lambda length: "x" * length)  # every length of padding
    character = st.characters(exclude_categories=["Cs"])
    texts = data.draw(st.lists(st.text(character) | long, min_size=20, max_size=60))
    hashes = javascript("text => [...sha256(text)]", texts)
    assert [bytes(digest) for digest in hashes] == [sha256(t.encode()).digest() for t in texts]


@pytest.mark.browser
def test_the_hash_is_sha_256_at_every_length(javascript):
    texts = [*("ä" * length for length in range(200)), "a" * 1_000_000]
    hashes = javascript("text => [...sha256(text)]", texts)
    assert [bytes(digest) for digest in hashes] == [sha256(t.encode()).digest() for t in texts]


@pytest.mark.browser
@given(st.data())
def test_a_seal_opens_with_its_answer_alone(javascript, data):
    words = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
    number = st.fractions(max_denominator=50) | st.tuples(st.integers(), st.integers())
    listed = data.draw(
        st.lists(st.tuples(number, words), min_size=2, max_size=6, unique_by=lambda r: r[0])
    )
    replies = [(answer, index < 2, say) for index, (answer, say) in enumerate(listed)]
    work = data.draw(words)
    seal = sealed(data.draw(words), replies, "otherwise", work)
    answers = [canonical(answer) for answer, _ in listed]
    outcomes = javascript("([seal, answer]) => judge(seal, answer)", [[seal, a] for a in answers])
    for (_, right, say), outcome in zip(replies, outcomes, strict=True):
        assert outcome == {"right": right, "says": [say], "work": work if right else ""}
    (unknown,) = javascript("([seal, answer]) => judge(seal, answer)", [[seal, "no number"]])
    assert unknown == {"right": False, "says": ["otherwise"], "work": ""}


READ = {
    **dict.fromkeys(["3860", "3,860", "3 860", "3\u2009860", "3\u202f860", "3_860"], "3860"),
    **dict.fromkeys(["3’860", "3860.0", " 3860 ", "+3860", "03860", "3860.", "7720/2"], "3860"),
    **dict.fromkeys(["(8*8*3+1)*20", "(8·8·3 + 1) × 20", "(8^2*3+1)*20", "(8**2*3+1)*20"], "3860"),
    **dict.fromkeys(["３８６０", "12,046,160/3,120.5*0 + 3,860", "((3860))"], "3860"),
    **dict.fromkeys(["13.5", "27/2", "13.50", "54÷4", "2.7e1/2".replace("e1", "*10")], "27/2"),
    **dict.fromkeys(["14.0", "14", "28/2", "--14", "2*7", "14^1"], "14"),
    **dict.fromkeys(["-4", "−4", "–4", "-2^2", "2-6", "2 - 3*2"], "-4"),
    **dict.fromkeys([".5", "0.5", "1/2", "2^-1", "4^-2*8", "1/2/1", "2^2^0/4"], "1/2"),
    "0": "0",
    "-0": "0",
    "0/-5": "0",
    "1/-5": "-1/5",
    "2^3^2": "512",
    "(-1)^1000000000001": "-1",
    "12,046,160": "12046160",
    "1" * 40: "1" * 40,
}
REFUSED = {
    "13,5": "“13,5” has a comma",
    "0,125": "“0,125” has a comma",
    "3,8600": "has a comma",
    "3,860,5": "has a comma",
    "38,60": "has a comma",
    "3860,": "has a comma",
    "1.234.567": "has a number with two points",
    "abc": "“abc” holds “abc”: write a number",
    "3860 parameters": "holds “parameters”",
    "8x8x3": "“8x8x3” holds “x”",
    "1e3": "holds “e”",
    "π": "holds “π”",
    "8²": "holds “²”",
    "½": "holds “½”",
    "50%": "holds “%”",
    "alert(1)": "holds “alert”",
    "38 60": "has two numbers with no sign between them",
    "(2)(3)": "has two numbers with no sign between them",
    "(2 3)": "has two numbers with no sign between them",
    "1/0": "divides by zero",
    "1/(2-2)": "divides by zero",
    "0^-1": "divides by zero",
    "2^0.5": "a power that is not a whole number",
    "10^40": "takes more than 40 digits",
    "10^-40": "takes more than 40 digits",
    "-10^40": "takes more than 40 digits",
    "9^9^9^9": "takes more than 40 digits",
    "1" * 41: "takes more than 40 digits",
    "1+" * 200 + "1": "has more than 200 characters",
    "(" * 200: "ends where a number is missing",
    "8*": "ends where a number is missing",
    "": "ends where a number is missing",
    "8//2": "has “/” where a number is missing",
    "(8": "has a bracket that is never closed",
    "8)": "closes a bracket that was never opened",
    ".": "has “.” out of place",
    "<b>": "holds “b”",
}


@pytest.mark.browser
def test_numbers_are_read_as_people_write_them(javascript):
    shown = dict(zip(READ, javascript("readNumber", [*READ]), strict=True))
    assert shown == READ


@pytest.mark.browser
def test_what_is_no_number_is_refused_in_a_sentence_that_repeats_it(javascript):
    for typed, answer in zip(REFUSED, javascript("readNumber", [*REFUSED]), strict=True):
        assert REFUSED[typed] in answer["refused"], typed
        assert answer["refused"].startswith(f"“{typed[:39]}")
        assert answer["refused"].endswith(".")
        assert len(answer["refused"]) < 140


def calculations():
    """Pairs of a calculation as Python and the box both read it, and its value by Fraction."""
    number = st.integers(0, 999).map(lambda n: (str(n), Fraction(n)))
    decimal = st.integers(0, 9999).map(lambda n: (f"{n / 100:.2f}", Fraction(n, 100)))

    def joined(parts):
        (left, a), sign, (right, b) = parts
        value = {"+": a + b, "-": a - b, "*": a * b, "/": a / b if b else None}[sign]
        return f"({left}{sign}{right})", value

    def deeper(inner):
        known = inner.filter(lambda pair: pair[1] is not None)
        return st.tuples(known, st.sampled_from("+-*/"), known).map(joined)

    return st.recursive(number | decimal, deeper, max_leaves=8)


@pytest.mark.browser
@given(st.lists(calculations(), min_size=10, max_size=30))
def test_calculations_come_out_as_exact_fractions_do(javascript, cases):
    for (text, value), read in zip(
        cases, javascript("readNumber", [text for text, _ in cases]), strict=True
    ):
        if value is None:
            assert "divides by zero" in read["refused"]
        elif isinstance(read, dict):
            assert "40 digits" in read["refused"]
            assert len(text) > 40
        else:
            assert read == canonical(value), text


@pytest.mark.browser
@given(st.data())
def test_signs_bind_as_they_do_in_python(javascript, data):
    sign = st.sampled_from(["+", "-", "*", "**", "+-", "*-", "-+"])
    parts = data.draw(st.lists(st.tuples(sign, st.integers(0, 3).map(str)), min_size=1, max_size=5))
    text = "2" + "".join(map("".join, parts))
    if text.count("**") > 2:
        return
    (read,) = javascript("readNumber", [text])
    if isinstance(read, str):
        assert read == str(eval(text))
    else:
        assert abs(eval(text)) >= 10**40


@pytest.mark.browser
@given(st.lists(st.text(max_size=30) | st.text("0123456789.,+-*/^() x", max_size=30), min_size=20))
def test_nothing_typed_breaks_the_reader(javascript, texts):
    texts = [text.encode(errors="ignore").decode() for text in texts]
    for read in javascript("readNumber", texts):
        assert isinstance(read, str) or read["refused"].startswith("“")


@pytest.mark.browser
def test_lists_of_numbers_are_told_from_calculations(javascript):
    shape = ["14", "14", "20"]
    lists = ["14x14x20", "14 × 14 × 20", "(14, 14, 20)", "[14,14,20]", "14 14 20", "14X14;20"]
    assert javascript("readList", lists) == [shape] * len(lists)
    others = ["14*14*20", "14", "(14)", "14x", "x", "", "(14+2)*3", "14-14-20"]
    assert javascript("readList", others) == [None] * len(others)


# --- In JupyterLab ---------------------------------------------------------------------------

MAKE = "from cnnlesson.widgets.answer_box import AnswerBox, sealed"
NUMBER = f"""number = AnswerBox("Parameter Sharing", fields=["number of parameters"],
    **sealed("salt", {REPLIES!r}, {OTHERWISE!r}, {WORK!r}))
number"""
SHAPE = """AnswerBox("Convolution Output Shape", "shape", **sealed("salt", [
    ((14, 14, 20), True, "The depth is the number of filters."),
    ((14, 14, 3), False, "The depth is not that of the input."),
], "Take one axis at a time."))"""
CHOICE = f"""AnswerBox("Growth", "choice", options={OPTIONS!r}, **sealed("salt", [
    ("b", True, "Its filters do not grow."), ("a", False, "Which weight would be new?"),
], "Why would it?"))"""
SEVERAL = f"""AnswerBox("What Holds", "several", options={OPTIONS[::-1]!r}, **sealed("salt", [
    (("a", "c"), True, ""),
], "One is missing, or one too many."))"""
BOXES = ["Parameter Sharing", "Convolution Output Shape", "Growth", "What Holds"]
CELLS = [MAKE, NUMBER, SHAPE, CHOICE, SEVERAL, "print(number.tries, number.answered)"]


def written(folder):
    cells = [nbformat.v4.new_code_cell(cell) for cell in CELLS]
    notebook = nbformat.v4.new_notebook(cells=cells)
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3 (ipykernel)"}
    nbformat.write(notebook, folder / "answer-boxes.ipynb")
    return folder / "answer-boxes.ipynb"


@pytest.fixture(scope="module")
def opened(browser, lab, served_course):
    """A notebook with a box of every form, in a page."""
    written(served_course / "notebooks")
    page = browser.new_page(viewport={"width": 1400, "height": 1000})
    page.set_default_timeout(30_000)
    open_notebook(page, lab, "notebooks/answer-boxes.ipynb")
    yield page
    page.close()


@pytest.fixture
def boxes(opened):
    """The boxes by their titles, as they are before an answer."""
    opened.get_by_role("menuitem", name="Run", exact=True).click()
    opened.evaluate("document.querySelectorAll('.cl-answer').forEach((box) => box.remove())")
    opened.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    return found(opened)


def found(page):
    boxes = {name: page.get_by_role("group", name=f"Practice: {name}") for name in BOXES}
    for each in boxes.values():
        each.wait_for()
    return boxes


def verdict(shown):
    return shown.get_by_role("status").inner_text().replace("\n\n", "\n").split("\n")


def problems(shown):
    return [text for text in shown.get_by_role("alert").all_inner_texts() if text]


@pytest.mark.browser
def test_a_number_is_typed_and_judged_at_once(boxes, opened):
    shown = boxes["Parameter Sharing"]
    field = shown.get_by_label("number of parameters")
    voice = shown.get_by_role("status")
    assert (voice.get_attribute("aria-live"), voice.inner_text()) == ("polite", "")
    field.click()
    for typed, said in {
        "3840": ["✗ Not yet 3840", "That leaves out the biases.", "1 try so far."],
        "17": ["✗ Not yet 17", OTHERWISE, "2 tries so far."],
        "3860.5": [
            "✗ Not yet 3860.5",
            "Half a parameter? Or: A stride that was taken for a weight?",
            "3 tries so far.",
        ],
    }.items():
        field.fill(typed)
        opened.keyboard.press("Enter")
        assert verdict(shown) == said
        assert field.evaluate("field => field === document.activeElement")
        assert "3860" not in shown.inner_text().replace("3860.5", "")
    assert shown.locator("details").count() == 0
    field.fill("thirteen")
    opened.keyboard.press("Enter")
    assert problems(shown) == [
        "“thirteen” holds “thirteen”: write a number, or a calculation with + − * / ^ and brackets."
    ]
    assert verdict(shown) == [""]
    assert field.get_attribute("aria-invalid") == "true"
    assert shown.get_by_role("alert").first.get_attribute("id") == field.get_attribute(
        "aria-describedby"
    )
    field.fill("")
    assert problems(shown) == []
    shown.get_by_role("button", name="Check").click()
    assert problems(shown) == ["Type a number for “number of parameters” first."]
    field.fill("(8*8*3+1)*20")
    shown.get_by_role("button", name="Check").click()
    assert field.evaluate("field => field === document.activeElement")
    assert verdict(shown) == ["✓ Right (8*8*3+1)*20 = 3860", REPLIES[0][2], "Solved in 4 tries."]
    assert not shown.get_by_text("= 193·20").is_visible()
    shown.get_by_text("Show the work").click()
    assert shown.locator(".cl-work").inner_text() == WORK
    field.fill("3840")
    field.press("Enter")
    assert verdict(shown)[0] == "✗ Not yet 3840"
    assert shown.locator("details").count() == 0
    assert known_to_python(opened) == "4 True"


def known_to_python(page):
    cell = page.locator(".jp-CodeCell").last
    before = cell.locator(".jp-InputPrompt").inner_text()
    cell.locator(".cm-content").click()
    page.keyboard.press("Control+Enter")
    page.wait_for_function(
        "([prompt, before]) => /\\d/.test(prompt.textContent) && prompt.textContent !== before",
        arg=[cell.locator(".jp-InputPrompt").element_handle(), before],
    )
    return cell.locator(".jp-OutputArea-output").inner_text().strip()


@pytest.mark.browser
def test_a_shape_is_typed_or_pasted(boxes, opened):
    shown = boxes["Convolution Output Shape"]
    height, width, depth = (
        shown.get_by_label(name, exact=True) for name in ("height", "width", "depth")
    )
    height.fill("14")
    height.press("Enter")
    assert problems(shown) == [
        "Type a number for “width” first.",
        "Type a number for “depth” first.",
    ]
    assert width.evaluate("field => field === document.activeElement")
    opened.keyboard.type("28/2")
    opened.keyboard.press("Tab")
    opened.keyboard.type("3")
    opened.keyboard.press("Enter")
    assert verdict(shown)[:2] == [
        "✗ Not yet 14, 28/2 = 14, 3",
        "The depth is not that of the input.",
    ]
    for pasted in ("14x14x20", "(14, 14, 20)"):
        width.fill(pasted)
        width.press("Control+a")
        width.press("Control+x")
        height.press("Control+a")
        height.press("Control+v")
        assert [field.input_value() for field in (height, width, depth)] == ["14", "14", "20"]
        height.press("Enter")
        assert verdict(shown)[0] == "✓ Right 14, 14, 20"
    height.fill("14x14")
    height.press("Enter")
    assert problems(shown) == [
        "“14x14” lists 2 numbers, but 3 are asked for: height, width, depth."
    ]
    for field in (width, depth):
        field.fill("")
    height.fill("112,112,128")
    height.press("Enter")
    assert [field.input_value() for field in (height, width, depth)] == ["112", "112", "128"]


@pytest.mark.browser
def test_a_choice_and_several_are_made_by_keyboard(boxes, opened):
    shown = boxes["Growth"]
    shown.get_by_role("button", name="Check").click()
    assert problems(shown) == ["Choose one of the options first."]
    first = shown.get_by_role("radio", name="It grows with the image.")
    assert first.evaluate("field => field === document.activeElement")
    opened.keyboard.press("Space")
    opened.keyboard.press("Enter")
    assert verdict(shown)[1] == "Which weight would be new?"
    opened.keyboard.press("ArrowDown")
    opened.keyboard.press("Enter")
    assert verdict(shown) == [
        "✓ Right It stays the same.",
        "Its filters do not grow.",
        "Solved in 2 tries.",
    ]
    assert shown.get_by_role("radiogroup", name="Growth").is_visible()

    shown = boxes["What Holds"]
    shown.get_by_role("button", name="Check").click()
    assert problems(shown) == ["Tick at least one option first."]
    shown.get_by_text("It halves.").click()
    shown.get_by_role("checkbox").first.press("Enter")
    assert verdict(shown)[1] == "One is missing, or one too many."
    shown.get_by_role("checkbox").last.check()
    shown.get_by_role("button", name="Check").click()
    assert verdict(shown) == ["✓ Right It halves.; It grows with the image.", "Solved in 2 tries."]


@pytest.mark.browser
def test_markup_stays_text(boxes):
    shown = boxes["Parameter Sharing"]
    field = shown.get_by_label("number of parameters")
    field.fill("<img src=x onerror=alert(1)>")
    field.press("Enter")
    assert problems(shown)[0].startswith("“<img src=x onerror=alert(1)>” holds “img”")
    assert shown.locator("img").count() == 0


@pytest.mark.browser
def test_a_visualiser_on_the_page_leaves_a_box_its_looks(boxes, opened):
    looks = """box => [box, box.querySelector("button")].map((each) => {
        const style = getComputedStyle(each);
        return [style.padding, style.margin, style.maxWidth, style.background, style.fontWeight];
    })"""
    alone = [shown.evaluate(looks) for shown in boxes.values()]
    sheet = opened.add_style_tag(content=style("style.css"))  # what each visualiser brings, last
    beside_a_visualiser = [shown.evaluate(looks) for shown in boxes.values()]
    sheet.evaluate("sheet => sheet.remove()")
    assert beside_a_visualiser == alone


@pytest.mark.browser
@pytest.mark.parametrize("light", [True, False], ids=["light", "dark"])
def test_axe_finds_nothing_and_it_fits_a_narrow_page(light, boxes, opened):
    from axe_playwright_python.sync_playwright import Axe

    opened.evaluate(
        "light => document.body.setAttribute('data-jp-theme-light', light)", str(light).lower()
    )
    answer_all(boxes)
    for shown in boxes.values():
        shown.evaluate("box => box.id = 'under-test'")
        report = Axe().run(opened, context="#under-test")
        shown.evaluate("box => box.removeAttribute('id')")
        assert report.violations_count == 0, report.generate_report()
        paper = shown.evaluate("box => getComputedStyle(box).backgroundColor")
        assert (paper == "rgb(255, 255, 255)") == light
        controls = shown.locator("button, input, summary")
        for control in controls.all():
            area = control.bounding_box()
            assert min(area["width"], area["height"]) >= 24
            assert control.get_attribute("data-lm-suppress-shortcuts") == "true"
        shown.evaluate("box => box.style.width = '400px'")
        assert shown.evaluate("box => box.scrollWidth - box.clientWidth") <= 0
        shown.evaluate("box => box.style.width = ''")
    opened.evaluate("document.body.setAttribute('data-jp-theme-light', 'true')")


def answer_all(boxes):
    """Leave a right answer, a wrong one, and two refusals."""
    boxes["Parameter Sharing"].get_by_role("textbox").fill("3,860")
    boxes["Convolution Output Shape"].get_by_label("height").fill("1" * 41)
    boxes["Growth"].get_by_role("radio").first.check()
    for shown in boxes.values():
        shown.get_by_role("button", name="Check").click()
    assert verdict(boxes["Parameter Sharing"])[0] == "✓ Right 3,860"
    assert verdict(boxes["Growth"])[0] == "✗ Not yet It grows with the image."


@pytest.mark.browser
def test_it_answers_when_its_kernel_is_gone(browser, lab, served_course):
    path = written(served_course / "notebooks").rename(
        served_course / "notebooks" / "box-without-kernel.ipynb"
    )
    page = browser.new_page(viewport={"width": 1400, "height": 1000})
    page.set_default_timeout(30_000)
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    open_notebook(page, lab, f"notebooks/{path.name}")
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    boxes = found(page)
    page.get_by_role("menuitem", name="Kernel", exact=True).click()
    page.get_by_role("menuitem", name="Shut Down Kernel", exact=True).click()
    for _ in range(100):
        sessions = page.request.get(lab("api/sessions")).json()
        if not any(path.name in session["path"] for session in sessions):
            break
        page.wait_for_timeout(100)
    else:
        pytest.fail(f"the kernel is still there: {sessions}")
    errors.clear()  # of JupyterLab itself, which loses its connection
    answer_all(boxes)
    page.wait_for_timeout(500)
    assert errors == []
    page.close()


# --- On a page without a kernel --------------------------------------------------------------


@pytest.fixture(scope="module")
def static_page(tmp_path_factory, make_in_checkout):
    """A notebook with a box of every form, as `make site` makes a page of it."""
    make_in_checkout("tools/site/node_modules/.package-lock.json")
    spec = importlib.util.spec_from_file_location("build", ROOT / "tools/site/build.py")
    build = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "tools/site")  # where build.py finds its neighbour
        spec.loader.exec_module(build)
    site = tmp_path_factory.mktemp("boxes")
    for folder in ("assets", "notebooks"):
        (site / folder).mkdir()
    for name, source in build.ASSETS.items():
        (site / "assets" / name).write_bytes(source.read_bytes())
    path = written(site / "notebooks")
    html = build.html(build.lesson(path))
    path.with_suffix(".html").write_text(html, encoding="utf-8")
    for _, _, say in REPLIES:
        assert say not in html.replace(NUMBER, "").replace(repr(say), "")
    return path.with_suffix(".html")


@pytest.mark.browser
def test_it_answers_on_a_page_of_its_own(browser, static_page):
    context = browser.new_context(offline=True)
    page = context.new_page()
    page.set_default_timeout(30_000)
    failed = []
    context.on("requestfailed", lambda request: failed.append(request.url))
    context.on("weberror", lambda error: failed.append(str(error.error)))
    page.goto(static_page.as_uri())
    boxes = found(page)
    answer_all(boxes)
    page.get_by_text("Show the work").click()
    assert page.locator(".cl-work").inner_text() == WORK
    page.wait_for_timeout(300)
    assert failed == []
    context.close()
