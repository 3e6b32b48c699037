"""Feedback and formgrader in a real browser: nothing that a student wrote acts in them."""

import base64
import html
import json
import os
import re
import struct
import sys
import time
import zlib
from pathlib import Path
from urllib.parse import quote, urlsplit

import nbgrader
import pytest
from course import copy_course
from hypothesis import given
from hypothesis import strategies as st
from labs import quiet_home, served
from nbformat import NotebookNode, from_dict, v4, write
from nbgrader.api import Gradebook

from cnnlesson.grading.judging import FINDING
from cnnlesson.grading.pages import (
    COLOURED,
    MARKDOWN,
    OUTPUTS,
    PAGE,
    TEXT,
    FeedbackExporter,
    formula,
    plain,
    rendered,
    sanitised,
)
from cnnlesson.grading.pictures import pixels
from cnnlesson.quiz.asking import ask
from cnnlesson.quiz.bank import ASSIGNMENTS

PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ"
    "AAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
)

# --- What a hostile student hands in ---------------------------------------------------------


def script(name):
    """Note that this ran, and give everyone 99 points if there is a formgrader."""
    return (
        f"top.pwned+=',{name}';"
        "fetch('/formgrader/api/grades?submission_id='+top.submission_id).then(r=>r.json())"
        ".then(all=>all.forEach(grade=>fetch('/formgrader/api/grade/'+grade.id,{method:'PUT',"
        "headers:{'X-CSRFToken':document.cookie.split('_xsrf=')[1]},"
        "body:JSON.stringify({manual_score:99})})))"
    )


def in_html(name):
    """Markup that runs a script in as many ways as there are, and asks other hosts for things."""
    ran = html.escape(script(name))
    inner = html.escape(f"<script>{script(name)}</script>")
    return f"""<script>{script(name)}</script><img src="x" onerror="{ran}">
<svg onload="{ran}"><script>{script(name)}</script></svg>
<iframe srcdoc="{inner}"></iframe><iframe src="javascript:{ran}"></iframe>
<object data="data:text/html,{inner}"></object><embed src="data:text/html,{inner}">
<details open ontoggle="{ran}"><summary>x</summary></details><input autofocus onfocus="{ran}">
<form id="f-{name}" action="/formgrader/api/submission/quiz/eve/autograde" method="post">
<button class="posts">go</button></form>
<math><mtext><style><img src=x onerror="{ran}"></style></mtext></math>
<link rel="stylesheet" href="http://127.0.0.2:9/style.css"><style>@import "http://127.0.0.2:9/a";</style>
<img src="http://127.0.0.2:9/seen.png"><video src="http://127.0.0.2:9/v" onerror="{ran}"></video>
<meta http-equiv="refresh" content="0;url=http://127.0.0.2:9/"><base href="http://127.0.0.2:9/">
<p style="background:url(http://127.0.0.2:9/s)">.</p>
<a class="full-credit bait" href="javascript:{ran}">click</a>
<a class="bait" href="evil.html">file</a><p id="works">p</p><p id="explain">p</p>
<noscript><p title="</noscript><img src=x onerror={ran}>"></noscript>"""


def svg(name):
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" onload="{html.escape(script(name))}">'
        f"<script>{script(name)}</script>"
        '<image href="http://127.0.0.2:9/inside.png" width="9" height="9"/></svg>'
    )


def drawing(inside):
    return f'<svg xmlns="http://www.w3.org/2000/svg">{inside}</svg>'


def repeating(levels):
    """A drawing of a few lines, each of which draws the one before it ten times."""
    parts = ['<g id="g0"><rect width="9" height="9"/></g>']
    for level in range(1, levels):
        before = f'<use href="#g{level - 1}"/>'
        parts.append(f'<g id="g{level}">{before * 10}</g>')
    return drawing("".join(parts))


def black(width, height):
    """A PNG with as many pixels as one likes, and next to no bytes."""

    def chunk(kind, content):
        check = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0))
    body = chunk(b"IDAT", zlib.compress(bytes(height * (1 + (width + 7) // 8)), 9))
    return b"\x89PNG\r\n\x1a\n" + head + body + chunk(b"IEND", b"")


LARGE = base64.b64encode(black(16_000, 16_000)).decode()
"""40 KB, for which a browser would need 1 GB."""


def data_url(kind, text):
    return f"data:{kind};base64,{base64.b64encode(text.encode()).decode()}"


MARKDOWN_ATTACKS = {
    "markdown": lambda name: in_html(name),
    "markdown-link": lambda name: (
        f"[bait](javascript:{script(name).replace('(', '%28').replace(')', '%29')}) "
        f"<javascript:{name}> ![x](javascript:{name}) [bait](data:text/html,{name})"
    ),
    "markdown-svg": lambda name: f"![x]({data_url('image/svg+xml', svg(name))})",
    "markdown-page": lambda name: (
        f"[bait]({data_url('text/html', f'<script>{script(name)}</script>')})"
    ),
    "markdown-mermaid": lambda name: f"```mermaid\n{in_html(name)}\n```",
    "markdown-endless": lambda _: f"![x]({data_url('image/svg+xml', repeating(10))})",
    "formula": lambda name: (
        rf"$\href{{javascript:{name}}}{{bait}} \text{{<img src=x onerror={script(name)}>}}"
        rf" \style{{background:url(http://127.0.0.2:9/f)}}{{y}}$"
    ),
    "formula-in-attribute": lambda name: f'![$" onerror="{script(name)}" x="$](x "t")',
}
OUTPUT_ATTACKS = {
    "html": lambda name: ({"text/html": in_html(name)}, {}),
    "html-isolated": lambda name: ({"text/html": in_html(name)}, {"text/html": {"isolated": True}}),
    "svg": lambda name: ({"image/svg+xml": svg(name)}, {}),
    "endless": lambda _: (
        {"text/html": f"<img src='{data_url('image/svg+xml', repeating(10))}'>"},
        {},
    ),
    "large": lambda _: ({"image/png": LARGE}, {}),
    "javascript": lambda name: ({"application/javascript": script(name)}, {}),
    "text-javascript": lambda name: ({"text/javascript": script(name)}, {}),
    "markdown-output": lambda name: ({"text/markdown": in_html(name)}, {}),
    "latex": lambda name: ({"text/latex": in_html(name)}, {}),
    "plain": lambda name: ({"text/plain": in_html(name)}, {}),
    "pdf": lambda name: ({"application/pdf": in_html(name)}, {}),
    "widget": lambda name: (
        {"application/vnd.jupyter.widget-view+json": {"model_id": f"</script>{in_html(name)}"}},
        {},
    ),
    "mermaid": lambda name: ({"text/vnd.mermaid": in_html(name)}, {}),
    "picture": lambda name: ({"image/png": f'"{in_html(name)}'}, {}),
    "picture-size": lambda name: (
        {"image/png": PIXEL},
        {"image/png": {"width": f"1 onload={script(name)}"}},
    ),
    "picture-file": lambda name: (
        {"image/png": PIXEL},
        {"filenames": {"image/png": "http://127.0.0.2:9/picture.png"}},
    ),
}


def name_that_acts(name):
    """Return a name that runs a script where it is written into a script, and into HTML."""
    act = f"top.pwned+=',{name}'"
    return f'{name}"+({act})+"<img src=x onerror={act}>'


EVE, NAME = name_that_acts("id"), name_that_acts("name")
HIDDEN = "assert works(1234) == 1235"


def marked(cell, **marks):
    usual = {"grade": False, "solution": False, "task": False, "locked": False}
    cell.metadata["nbgrader"] = {**usual, **marks, "schema_version": 3}
    return cell


def source():
    """An assignment of one function with a hidden test, and an explanation to be read."""
    tests = f"assert works(1) == 2\n### BEGIN HIDDEN TESTS\n{HIDDEN}\n### END HIDDEN TESTS"
    return [
        marked(v4.new_code_cell("def works(n):\n    ..."), solution=True, grade_id="answer"),
        marked(v4.new_code_cell(tests), grade=True, locked=True, points=2, grade_id="works"),
        marked(
            v4.new_markdown_cell("Explain."),
            grade=True,
            solution=True,
            points=3,
            grade_id="explain",
        ),
    ]


def submission():
    """The same, answered wrongly, and with every attack in it."""
    answer, tests, explanation = source()
    answer.source = "def works(n):\n    print('called with', n)\n    return 2"
    explanation.source = "\n\n".join(make(name) for name, make in MARKDOWN_ATTACKS.items())
    explanation["attachments"] = {
        "a.svg": {"image/svg+xml": base64.b64encode(svg("attachment").encode()).decode()},
        "a.html": {"text/html": base64.b64encode(in_html("attachment").encode()).decode()},
        "a.png": {"image/png": f'"><script>{script("attachment")}</script>'},
    }
    explanation.source += "\n\n![](attachment:a.svg) ![](attachment:a.html) ![](attachment:a.png)"
    shows = [
        v4.new_code_cell(
            "from IPython.display import publish_display_data\n"
            f"publish_display_data({data!r}, {metadata!r})"
        )
        for data, metadata in (make(name) for name, make in OUTPUT_ATTACKS.items())
    ]
    markdown = [v4.new_markdown_cell(make(name)) for name, make in MARKDOWN_ATTACKS.items()]
    raw = v4.new_raw_cell(in_html("raw"), metadata={"raw_mimetype": "text/html"})
    says = [
        v4.new_code_cell(f"print({in_html('print')!r})"),
        v4.new_code_cell(f"raise ValueError({in_html('error')!r})"),
        v4.new_code_cell("print(In[-2])"),
        v4.new_code_cell(f"# {in_html('comment')}".replace("\n", " ")),
    ]
    return [answer, tests, *says[2:3], explanation, *shows, *markdown, raw, *says[:2], *says[3:]]


def tampered(path):
    """Put into a graded notebook what a kernel could not: as if all before this had failed."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    attack = f"<script>{script('count')}</script><img src=x onerror=top.pwned+=',count'>"
    notebook["cells"][-1]["metadata"] = {"magics_language": attack}
    state = {"version_major": 2, "version_minor": 0, "state": {f"</script>{attack}": {}}}
    notebook["metadata"] = {
        "title": attack,
        "language_info": {"name": attack, "pygments_lexer": attack},
        "widgets": {"application/vnd.jupyter.widget-state+json": state},
    }
    path.chmod(0o644)
    path.write_text(json.dumps(notebook), encoding="utf-8")


# What secure(c) does about pages. The rest would stop most of this before a page is made of it,
# but a name may be in the gradebook all the same, and a page is to hold by itself.
PAGES_ALONE = """
from nbgrader.converters import GenerateFeedback
from cnnlesson.grading import formgrader
from cnnlesson.grading.secure import OWNER_ALONE, SETTINGS, let_alembic_be_found
let_alembic_be_found()
formgrader.install()
c.GenerateFeedback.update(SETTINGS[GenerateFeedback], permissions=OWNER_ALONE)
"""


@pytest.fixture(scope="module")
def course(run, tmp_path_factory):
    """A class of two, Eve and Ada, graded, with a comment on what Eve wrote."""
    course = copy_course(tmp_path_factory.mktemp("course"))
    configuration = course / "nbgrader_config.py"
    usual = configuration.read_text(encoding="utf-8")
    call = '\nsecure(c, bank="cnnlesson.quiz.grader:bank")\n'
    assert call in usual
    configuration.write_text(usual.replace(call, PAGES_ALONE), encoding="utf-8")
    notebooks = {
        f"source/quiz/{NAME}.ipynb": source(),
        f"submitted/{EVE}/quiz/{NAME}.ipynb": submission(),
        f"submitted/ada/quiz/{NAME}.ipynb": source(),
    }
    for path, cells in notebooks.items():
        (course / path).parent.mkdir(parents=True)
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        write(v4.new_notebook(cells=cells, metadata={"kernelspec": kernel}), course / path)
    evil = f"<script>{script('file')}</script>"
    (course / "submitted" / EVE / "quiz" / "evil.html").write_text(evil)
    run("nbgrader", "generate_assignment", "quiz", cwd=course)
    run("nbgrader", "autograde", "quiz", cwd=course)
    tampered(course / "autograded" / EVE / "quiz" / f"{NAME}.ipynb")
    with Gradebook(f"sqlite:///{course}/gradebook.db") as gradebook:
        comment = gradebook.find_comment("explain", NAME, "quiz", EVE)
        comment.manual_comment = "**Look** " + in_html("comment")
        gradebook.update_or_create_student(EVE, first_name=EVE, last_name=EVE, email=EVE)
        gradebook.db.commit()
    run("nbgrader", "generate_feedback", "quiz", cwd=course)
    return course


@pytest.fixture(scope="module")
def feedback(course):
    return {
        student: (course / "feedback" / student / "quiz" / f"{NAME}.html")
        for student in (EVE, "ada")
    }


@pytest.fixture(scope="module")
def grader(course, clean_environment, tmp_path_factory):
    """The addresses of the formgrader that JupyterLab runs in the course."""
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--ServerApp.ip=127.0.0.1"]
    if os.geteuid() == 0:
        command.append("--allow-root")
    home = quiet_home(tmp_path_factory.mktemp("home"))
    with served(command, course, clean_environment, home) as (host, _, token):
        yield f"{host}/formgrader", f"{host}/login?token={token}"


@pytest.fixture
def watched(browser):
    """A page, and the requests that it makes to others."""
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    page = context.new_page()
    asked = []

    def note(request):
        if not request.url.startswith("data:"):
            asked.append((request.method, request.url))

    context.on("request", note)
    yield page, asked
    context.close()


@pytest.fixture
def instructor(watched, grader):
    """The same for one who is logged in, and a function that opens a page of the formgrader."""
    page, asked = watched
    root, login = grader
    assert page.request.get(login).ok

    def visit(path):
        page.goto(f"{root}/{path}")
        return page

    return visit, asked


def pwned(page):
    """Which attacks ran, after links and buttons of theirs, if there are any, were used."""
    for bait in page.locator(".bait, .posts").all():
        bait.evaluate("element => element.click()")
    page.wait_for_timeout(300)
    return (page.evaluate("window.pwned") or "").split(",")[1:]


def grades(course):
    with Gradebook(f"sqlite:///{course}/gradebook.db") as gradebook:
        return {
            (student, grade.name): (grade.auto_score, grade.manual_score)
            for student in (EVE, "ada")
            for grade in gradebook.find_submission_notebook(NAME, "quiz", student).grades
        }


# --- Feedback --------------------------------------------------------------------------------


@pytest.mark.nbgrader
@pytest.mark.browser
def test_nothing_acts_in_feedback_opened_from_the_disk(feedback, watched):
    page, asked = watched
    page.goto(feedback[EVE].as_uri())
    assert pwned(page) == []
    assert asked == [("GET", feedback[EVE].as_uri())]
    assert page.locator("script, iframe, object, embed, form, input, button, video").count() == 0
    assert page.locator("[id='works'], [id='explain'], .bait").count() == 0


@pytest.mark.nbgrader
@pytest.mark.browser
def test_feedback_still_shows_what_can_be_read(feedback, watched):
    page, _ = watched
    page.goto(feedback[EVE].as_uri())
    assert page.title() == NAME
    assert page.locator("h4").first.inner_text().startswith(f"{NAME} (Score: 0.0 / 5.0)")
    assert page.locator(".panel-footer strong", has_text="Look").is_visible()
    text = page.locator("body").inner_text()
    assert "An output of the type application/javascript is not shown here." in text
    assert "A drawing is not shown here." in text
    assert "<script>" in text  # of the streams and the source, to be read
    assert page.locator("img[src^='data:image/png']").count() > 0


@pytest.mark.nbgrader
def test_a_feedback_page_holds_one_student_and_no_hidden_test(feedback):
    eve, ada = (html.unescape(feedback[student].read_text()) for student in (EVE, "ada"))
    assert "called with" not in ada
    for text in (eve, ada):
        assert "1234" not in re.sub(r"<[^>]*>", "", text)
        assert "1235" not in text
        assert "HIDDEN TESTS" not in text
        assert "is not shown" in text
        assert "works(1)" in re.sub(r"<[^>]*>", "", text)  # the test that all may read


@pytest.mark.nbgrader
def test_feedback_is_for_its_owner_alone(feedback):
    assert {page.stat().st_mode & 0o777 for page in feedback.values()} == {0o600}


# --- The formgrader --------------------------------------------------------------------------


def submission_id(course, student):
    with Gradebook(f"sqlite:///{course}/gradebook.db") as gradebook:
        return gradebook.find_submission_notebook(NAME, "quiz", student).id


PAGES = {
    "manage_assignments": "td.name",
    "manage_submissions/quiz": "td.student-id",
    "gradebook": "td.name",
    "gradebook/quiz": "td.name",
    f"gradebook/quiz/{quote(NAME)}": "td.name",
    "manage_students": "td.id",
    f"manage_students/{quote(EVE)}": "td.name",
    f"manage_students/{quote(EVE)}/quiz": "td.name",
    "submissions/EVE/": ".nbgrader_cell .score",
    "submissions/EVE/evil.html": "",
    "api/students": "",
    "api/comments?submission_id=EVE": "",
}


@pytest.mark.nbgrader
@pytest.mark.browser
@pytest.mark.parametrize("path", PAGES)
def test_nothing_acts_in_the_formgrader(path, course, instructor):
    visit, asked = instructor
    before = grades(course)
    page = visit(path.replace("EVE", submission_id(course, EVE)))
    if PAGES[path]:
        page.locator(PAGES[path]).first.wait_for(state="attached")
    assert pwned(page) == []
    assert page.locator(".bait, .posts").count() == 0
    assert page.locator("[id='works']").count() <= 1  # by which the formgrader finds a cell
    assert {method for method, _ in asked} == {"GET"}
    opened, *others = (urlsplit(url) for _, url in asked)
    own = (opened.netloc, "/formgrader")
    assert {(url.netloc, url.path[: len("/formgrader")]) for url in others} <= {own}
    assert grades(course) == before


@pytest.mark.nbgrader
@pytest.mark.browser
def test_an_instructor_grades_as_ever(course, instructor, watched):
    visit, _ = instructor
    errors = []
    watched[0].on("pageerror", lambda error: errors.append(str(error)))
    page = visit(f"submissions/{submission_id(course, 'ada')}/")
    page.locator(".glyphicon-eye-open").click()
    assert page.locator("a.name-shown").inner_text() == "ada"
    score = page.locator("#explain")
    with page.expect_response(lambda answer: answer.request.method == "PUT") as saved:
        score.fill("2")
        score.press("Tab")
    assert saved.value.ok
    assert grades(course)["ada", "explain"] == (None, 2)
    assert grades(course)[EVE, "explain"][1] is None
    visit("manage_students")
    page.get_by_text("Add new student").click()
    page.locator("#add-student-modal").wait_for()
    assert errors == []


@pytest.mark.nbgrader
@pytest.mark.browser
def test_a_missing_notebook_is_reported_and_its_name_does_not_act(course, instructor):
    visit, _ = instructor
    graded = course / "autograded" / EVE / "quiz" / f"{NAME}.ipynb"
    aside = graded.rename(course / "aside.ipynb")
    try:
        page = visit(f"submissions/{submission_id(course, EVE)}/")
        assert "Submission notebook file not found" in page.locator("body").inner_text()
        assert pwned(page) == []
        visit(f"manage_students/{quote(EVE)}/quiz")
        page.get_by_text("file missing").wait_for()
        assert pwned(page) == []
    finally:
        aside.rename(graded)


@pytest.mark.nbgrader
@pytest.mark.browser
def test_feedback_from_the_formgraders_button_is_the_same(instructor, feedback):
    visit, _ = instructor
    before = feedback[EVE].read_text()
    feedback[EVE].unlink()
    page = visit("manage_submissions/quiz")
    row = page.locator("tr", has=page.locator("td.student-id[data-order^='id']"))
    row.locator(".generate-feedback a").click()
    page.locator("#success-modal").wait_for()
    assert feedback[EVE].read_text() == before
    assert pwned(page) == []


# --- Without a browser -----------------------------------------------------------------------


def page_of(*cells):
    """Make a page of cells, as nbgrader does but for the grades."""
    notebook = NotebookNode(cells=cells, metadata={})
    parts = Path(nbgrader.__file__).parent / "server_extensions" / "formgrader"
    exporter = FeedbackExporter(
        template_name="feedback",
        extra_template_basedirs=[str(parts / "templates")],
        extra_template_paths=[str(parts / "static/node_modules/bootstrap/dist/css")],
    )
    names = {"notebook": "n", "score": 1, "max_score": 2, "late_penalty": 0}
    page, _ = exporter.from_notebook_node(notebook, {"nbgrader": names})
    return page


def shown(data, metadata=None):
    """Return what is left of an output."""
    output = v4.new_output("display_data", data=data, metadata=metadata or {})
    (cell,) = plain(v4.new_notebook(cells=[v4.new_code_cell("", outputs=[output])])).cells
    return cell.outputs[0]


def test_what_the_judge_keeps_for_the_report_is_on_no_page():
    kept = {FINDING: {"question": "kept-question", "misconceptions": ["kept-misconception"]}}
    output = v4.new_output("display_data", data={"text/plain": "Not right."}, metadata=kept)
    page = page_of(v4.new_code_cell("check(answer)", outputs=[output]))
    assert "Not right." in page
    assert "kept-" not in page
    assert shown({"text/plain": "Not right."}, kept).metadata == {}


@pytest.mark.parametrize(
    ("given", "left"),
    [
        ("<b>bold</b> <i>it</i>", "<b>bold</b> <i>it</i>"),
        ("<a href='https://a.org/b'>a</a>", '<a href="https://a.org/b">a</a>'),
        ("<a href='//a.org'>a</a>", "<a>a</a>"),
        ("<a href='/formgrader/x'>a</a>", "<a>a</a>"),
        ("<a href='java\nscript:x'>a</a>", "<a>a</a>"),
        ("<a href='#here' id='score'>a</a>", '<a href="#here">a</a>'),
        ("<span class='k'>def</span>", '<span class="k">def</span>'),
        ("<span class='k full-credit'>def</span>", "<span>def</span>"),
        ("<p style='position:fixed;color:red'>a</p>", '<p style="color:red;">a</p>'),
        ("<style>b{}</style><script>c</script>a", "a"),
        ("<img src='http://a.org/b.png' alt='b'>", "[A picture from elsewhere is not shown here.]"),
        ("<svg><text>a</text></svg>", "[A drawing is not shown here.]"),
        ("<details open><summary>a</summary>b</details>",) * 2,
        ("<!-- a -->b", "b"),
    ],
)
def test_html_keeps_what_can_be_read(given, left):
    assert str(sanitised(given)).replace(' open=""', " open") == left


@pytest.mark.parametrize("kind", ["png", "jpeg", "svg+xml"])
def test_html_keeps_pictures_that_it_holds(kind):
    picture = f'<img alt="a" src="data:image/{kind};base64,{PIXEL}">'
    assert sanitised(picture) == picture
    assert "img" not in sanitised(picture.replace("image/", "text/"))


@given(st.text(alphabet="<>\"'=/ aimgsrconerlpt&;:-!$`[]()\n", max_size=200))
def test_sanitising_twice_is_sanitising_once(text):
    once = sanitised(text)
    assert sanitised(once) == once


@pytest.mark.parametrize(
    ("data", "left"),
    [
        ({"text/plain": "a"}, {"text/plain": "a"}),
        ({"image/png": PIXEL, "text/plain": "a"},) * 2,
        ({"image/png": PIXEL, "image/svg+xml": "<svg/>"}, {"image/png": PIXEL}),
        ({"text/html": "<b>a</b><script>b</script>"}, {"text/html": "<b>a</b>"}),
        ({"text/latex": "$a$"}, {"text/markdown": "$a$"}),
        (
            {"image/svg+xml": "<svg/>", "text/plain": "a"},
            {"text/plain": "a\n[An output of the type image/svg+xml is not shown here.]"},
        ),
        (
            {"image/jpeg": "R0lGODlh"},
            {"text/plain": "[An output of the type image/jpeg is not shown here.]"},
        ),
    ],
)
def test_an_output_keeps_text_and_pictures(data, left):
    assert shown(data).data == left


def test_a_picture_keeps_whole_numbers_and_words_for_its_size_and_description():
    metadata = {"width": "1 onload=x", "image/png": {"height": 4, "alt": "A dot", "unconfined": 1}}
    assert shown({"image/png": PIXEL}, metadata).metadata == {
        "image/png": {"height": 4, "alt": "A dot"}
    }


@pytest.mark.parametrize(
    "html",
    [
        *("<b>" * 60, "<ul><li>" * 30, "<b>x</b>" * 6_000, "&" * 11_000),
        '<p style="color:' + "(" * 110_000 + '">',
    ],
)
def test_html_that_takes_long_to_look_at_is_shown_as_text(html):
    assert str(sanitised(html)).startswith("<pre>")
    held = f'<img src="{data_url("image/svg+xml", drawing("x" * TEXT))}">'
    assert str(sanitised(held)).startswith("<img")


JPEG = b"\xff\xd8\xff\xe0\0\x04ab\xff\xc0\0\x11\x08%b\x03" + bytes(20)


@pytest.mark.parametrize(
    ("picture", "found"),
    [
        (black(1, 1), 1),
        (black(4000, 3000), 12_000_000),
        (black(1, 1)[:20], None),
        (black(1, 1).replace(b"IDAT", b"acTL"), None),
        (JPEG % struct.pack(">HH", 480, 640), 640 * 480),
        (JPEG % struct.pack(">HH", 0, 640), None),
        (JPEG.replace(b"\xff\xe0", b"\xe0\xff"), None),
        (JPEG + b"\xff\xda" * 33, None),
        (b"GIF89a" + bytes(20), None),
        (drawing('<g transform="scale(2)"><text x="1">a &amp; b</text></g>').encode(), 0),
        (repeating(2).encode(), None),
        (drawing('<rect filter="blur(99px)"/>').encode(), None),
        (drawing('<rect style="filter:blur(99px)"/>').encode(), None),
        (drawing("<rect><animate/></rect>").encode(), None),
        (drawing('<p xmlns="http://www.w3.org/1999/xhtml"/>').encode(), None),
        (f"<!DOCTYPE svg [<!ENTITY a 'b'>]>{drawing('&a;')}".encode(), None),
        (drawing("<g>" * 30 + "</g>" * 30).encode(), None),
        (drawing("x" * 200_000).encode(), None),
        (drawing("").encode("utf-16"), None),
        (b"<svg/>", None),
        (b"", None),
    ],
    ids=lambda value: "a picture" if isinstance(value, bytes) else str(value),
)
def test_a_picture_says_what_it_takes_to_draw(picture, found):
    assert pixels(picture) == found


def test_a_picture_that_takes_much_to_draw_is_left_out():
    kept = f'<img src="data:image/png;base64,{LARGE}">'
    assert sanitised(kept) == "[A picture that takes much to draw is not shown here.]"
    assert "image/png" not in shown({"image/png": LARGE})["data"]


def test_pictures_are_as_many_as_a_page_can_draw():
    picture = base64.b64encode(black(4000, 3000)).decode()
    output = v4.new_output("display_data", data={"image/png": picture})
    cells = [v4.new_code_cell("1", outputs=[output]) for _ in range(3)]
    cells.append(v4.new_code_cell("1", outputs=[v4.new_output("stream", text="said last")]))
    *_, second, third, last = map(str, plain(v4.new_notebook(cells=cells)).cells)
    assert picture in second
    assert picture not in third
    assert "What the page has no room for" in third
    assert "said last" in last


@pytest.mark.parametrize("kind", ["text/html", "text/markdown"])
def test_a_page_shows_so_much_that_takes_long_and_no_more(kind):
    output = v4.new_output("display_data", data={kind: "<b>x</b>" * 2_000})
    cells = [v4.new_code_cell("1", outputs=[output]) for _ in range(50)]
    first, *_, last = plain(v4.new_notebook(cells=cells)).cells
    assert "What the page has no room for" not in str(first)
    assert "What the page has no room for" in str(last)
    assert last.source == "1"


def test_what_is_too_long_is_cut_and_says_so():
    long = "x" * (TEXT + 5)
    assert shown({"text/plain": long})["data"]["text/plain"].endswith(
        "\n[5 characters more are not shown here.]"
    )
    many = [v4.new_output("stream", text="a")] * (OUTPUTS + 3)
    cell = v4.new_code_cell(long, outputs=many)
    (cut,) = plain(v4.new_notebook(cells=[cell])).cells
    assert "[5 characters more" in cut.source
    assert cut.outputs[-1].data["text/plain"] == "[3 outputs more is not shown here.]"
    picture = data_url("image/svg+xml", drawing("x" * 3 * MARKDOWN))
    text = v4.new_markdown_cell(f"![a]({picture}) end")
    assert plain(v4.new_notebook(cells=[text])).cells[0].source == text.source
    output = v4.new_output("stream", text=long)
    big = [v4.new_code_cell("1", outputs=[output]) for _ in range(PAGE // TEXT + 9)]
    assert len(str(plain(v4.new_notebook(cells=big)))) < PAGE + TEXT


@pytest.mark.parametrize(
    "text", ["[" * 9000, ">" * 5000, "<div>" * 1000, r"\begin{a}" * 2000, "$" * 9001]
)
def test_text_that_is_hard_to_read_does_not_stop_a_page(text):
    assert "The end" in page_of(v4.new_markdown_cell(f"{text}\n\nThe end"))


@pytest.mark.parametrize("text", [" \n", "**a", "a "])
def test_code_that_is_hard_to_colour_does_not_stop_a_page(text):
    code = v4.new_code_cell(text * (TEXT // len(text)))
    fence = v4.new_markdown_cell(f"```perl\n{text * (MARKDOWN // len(text) - 9)}\n```")
    short = [v4.new_code_cell(text * (COLOURED // len(text))) for _ in range(12)]
    begin = time.process_time()
    assert "The end" in page_of(*short, code, fence, v4.new_markdown_cell("The end"))
    assert time.process_time() - begin < 15


def test_short_code_is_coloured():
    assert '<span class="k">while</span>' in page_of(v4.new_code_cell("while True: pass"))


def test_formulas_are_typeset_without_a_script():
    text = rendered(r"$\frac{W - F}{S}$ and $$\begin{aligned}a &= b \\ &= c\end{aligned}$$")
    assert text.count("<math") == 2
    assert "<mfrac>" in text
    assert "<mtable" in text
    assert formula(r"\text{<script>a</script>}", "inline").count("&lt;script&gt;") == 1
    assert formula(r"\href{javascript:a}{b}", "inline") == r"<code>\href{javascript:a}{b}</code>"
    assert formula("{" * 3000, "inline").startswith("<code>{")
    assert "style" not in formula(r"\style{color:red}{b}", "inline")


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_the_cards_of_every_question_keep_their_figures(assignment):
    cards = [ask(question) for question in ASSIGNMENTS[assignment].questions]
    cells = [
        v4.new_code_cell("", outputs=[v4.new_output("display_data", data=data)])
        for data in ({"text/markdown": card._repr_markdown_()} for card in cards)
    ]
    page = page_of(*cells)
    figures = [re.fullmatch(r"!\[(.*)\]\((.*)\)", card.figure) for card in cards if card.figure]
    assert page.count("data:image/svg+xml") == len(figures)
    for description, picture in (figure.groups() for figure in figures):
        assert f'alt="{html.escape(description)}"' in page
        assert f'src="{picture}"' in page
    assert page.count("<th>given</th>") == sum(bool(card.rows) for card in cards)


def test_what_no_notebook_may_hold_does_not_reach_a_page():
    attack = "<script>1</script>"
    outputs = [
        {"output_type": "stream", "name": attack, "text": [attack]},
        {"output_type": attack, "data": {"text/html": attack}},
        {"output_type": "execute_result", "execution_count": attack, "data": {attack: attack}},
    ]
    marks = {"grade": True, "grade_id": f'"{attack}', "points": attack}
    metadata = {"tags": [f'"{attack}'], "nbgrader": marks}
    cell = {"cell_type": "code", "source": attack, "outputs": outputs, "metadata": metadata}
    other = {"cell_type": attack, "source": attack, "id": f'"{attack}', "metadata": attack}
    page = page_of(from_dict({**cell, "execution_count": attack}), from_dict(other))
    assert "<script" not in page
    assert "An output of an unknown kind is not shown here." in page


def test_colours_of_a_traceback_stay():
    error = v4.new_output("error", ename="E", evalue="", traceback=["\x1b[31mred\x1b[0m <b>"])
    page = page_of(v4.new_code_cell("", outputs=[error]))
    assert '<span class="ansi-red-fg">red</span> &lt;b&gt;' in page


@pytest.mark.parametrize(
    "markup",
    [
        "".join(f"<p><b title={number}>x" for number in range(6000)),
        f"<b {' '.join(f'a{number}=1' for number in range(50_000))}>x</b>",
        "<ul><li>" * 5000,
        "&lt;" * 200_000,
        f"<b style='{'color:red;' * 50_000}'>x</b>",
    ],
    ids=["unclosed", "attributes", "nested", "entities", "style"],
)
def test_html_that_would_take_a_parser_minutes_is_shown_as_text(markup):
    assert sanitised(markup).startswith("<pre>")


def test_a_table_as_pandas_shows_it_stays_one():
    row = f"<tr><th>7</th>{'<td>0.123456</td>' * 20}</tr>"
    table = f'<table border="1" class="dataframe"><tbody>{row * 60}</tbody></table>'
    assert sanitised(table).count("<td>") == 1200
