"""Remarks are prose, whatever a student wrote that they quote."""

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbconvert.filters import markdown2html
from nbformat.v4 import new_code_cell, new_notebook

from cnnlesson.grading.remarks import CELL, fenced, inert, remarks, tell


class Page(HTMLParser):
    """The tags of a page, and its text in code and outside of it."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.code, self.prose, self.open = [], "", "", []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, tuple(attrs)))
        self.open.append(tag)

    def handle_endtag(self, tag):
        self.open.remove(tag)

    def handle_data(self, data):
        if "code" in self.open:
            self.code += data
        else:
            self.prose += data

    @property
    def text(self):
        return self.code + self.prose


NASTY = [
    "<script>alert(1)</script>",
    "<img/src=x/onerror=alert(1)>",
    "[a](javascript:alert(1))",
    "![a](http://example.org/x.png)",
    "<http://example.org>",
    "https://example.org www.example.org a@example.org",
    r"$\href{javascript:alert(1)}{x}$ \(x\) \\(x\\) \[x\] $$x$$",
    "*a* _b_ ~~c~~ `d` ``e`` # f",
    "`<b>`` <i>`",
    "1. one",
    "- two + three --- ===",
    "| a | b |",
    "&lt;b&gt; &amp;",
    "a\n\n# b\n\n    c\n```\nd",
    "[^1]: note [x]: http://example.org",
    "\\",
    "`",
    "``` ` ```",
]
texts = st.one_of(
    st.sampled_from(NASTY),
    st.text(alphabet="ab1.- \n\t`$\\<>&*_[]()!#+=|~:/@'\"\u202e\u200b\ud800", max_size=40),
    st.lists(st.sampled_from(NASTY), max_size=3).map(" ".join),
)


@given(texts)
def test_a_sentence_is_shown_as_it_is_and_does_nothing(text):
    notebook = new_notebook()
    tell(notebook, [f"The cell “{text}” was odd.", text or "empty"])
    page = Page(markdown2html(notebook.cells[0].source))
    assert {tag for tag, _ in page.tags} <= {"p", "strong", "ul", "li", "code"}
    assert all(not attrs for _, attrs in page.tags)
    assert not set("$\\<>`") & set(page.prose), "MathJax or a browser might heed it"
    shown = " ".join(Page(markdown2html(inert(f"said: {text}"))).text.split())
    assert set(shown) <= {*text, *"said: ", "\N{REPLACEMENT CHARACTER}"}


@pytest.mark.parametrize("text", NASTY)
def test_every_character_of_a_sentence_is_shown(text):
    page = markdown2html(inert(f"said {text}"))
    shown = "".join(re.sub(r"\s", "", Page(page).text))
    assert sorted(shown) == sorted(re.sub(r"\s", "", f"said {text}"))


def test_prose_stays_prose():
    sentence = "The cell “one-filter” (under “1. One Filter (1 point)”) was missing; it is back."
    assert inert(sentence) == sentence
    assert inert("The name is student_id.") == "The name is `student_id.`"


@given(texts)
def test_a_block_is_shown_as_it_is(text):
    page = Page(markdown2html(fenced(text)))
    assert {tag for tag, _ in page.tags} <= {"div", "pre", "code", "span"}
    assert not page.prose.strip()


def test_remarks_add_up_and_stand_in_one_cell_on_top():
    notebook = new_notebook(cells=[new_code_cell("1")])
    tell(notebook, [])
    assert len(notebook.cells) == 1
    assert "cnnlesson" not in notebook.metadata
    tell(notebook, ["One was renamed."])
    tell(notebook, ["Two was missing.", "One was renamed."])
    assert remarks(notebook) == ["One was renamed.", "Two was missing."]
    assert [cell.cell_type for cell in notebook.cells] == ["markdown", "code"]
    assert notebook.cells[0].id == CELL
    assert notebook.cells[0].source.endswith("\n- One was renamed.\n- Two was missing.")


@pytest.mark.parametrize("metadata", [None, [], {"remarks": "text"}, {"remarks": [1, {}]}])
def test_metadata_of_another_shape_holds_no_remarks(metadata):
    assert remarks(new_notebook(metadata={"cnnlesson": metadata})) == []


def test_remarks_are_capped():
    notebook = new_notebook()
    for many in (range(30), range(30, 1000)):
        tell(notebook, [f"{number} {'x' * 10_000}" for number in many])
    assert len(remarks(notebook)) == 50
    assert max(map(len, remarks(notebook))) == 600
    assert all(each.endswith("x…") for each in remarks(notebook)[:49])
    assert remarks(notebook)[49] == "More was amiss than is listed here."
