"""Every command of the documentation is run: here, page by page, or by a test named here."""

import csv
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import lms_class
import manual
import nbformat
import pytest
import test_dist
from course import ROOT
from labs import kernel_awaited, quiet_home, served
from lms_class import ASSIGNMENT, zipped
from manual import PAGES, Cell, Change, Commands, File
from nbgrader.api import Gradebook

from cnnlesson.cli import main

BUNDLE = "tests/test_student_path.py::test_the_bundle_holds_the_students_side_alone"
HELP = "tests/test_docs_commands.py::test_flags_of_grading_are_listed_but_for_those_of_the_course"
HUB = "tests/test_hub.py::test_from_the_release_to_the_feedback"
LAB = "tests/test_jupyterlab.py::test_a_lesson_runs_from_top_to_bottom"
WHEEL = "tests/test_dist.py::test_the_wheel_works_without_the_source_tree"
RESTORE = "tests/test_autograde.py::test_postgresql_is_backed_up_before_a_regrade_and_restored"
SCHEDULER = "tests/test_scheduler.py::test_a_scheduler_elsewhere_grades_and_answers_nobody_else"

ELSEWHERE = {  # what a command begins with: the test that runs it, or CI itself
    "apt install bubblewrap libseccomp2": ".ci/run::bubblewrap",
    "make check": ".ci/run::make check",
    "make dist": WHEEL,
    "make grade": ".ci/run::make grade",
    "make hub": HUB,
    "make lab": LAB,
    "make site": "tests/test_site.py::test_every_visualiser_is_live",
    "make student-bundle": BUNDLE,
    "make test": ".ci/run::make test",
    "dask scheduler": SCHEDULER,
    "dask worker": SCHEDULER,
    "cnnlesson autograde parameter-sharing --scheduler": SCHEDULER,
    "pg_restore": RESTORE,
    "pip install": "tests/test_dist.py::test_what_a_page_installs_can_grade",
}
UNTESTED = "make links"  # which CONTRIBUTING.md says, with the reason
WITHIN = {  # the same of commands that only sentences tell of
    "apt install postgresql-client": ".ci/run::postgresql",
    "cnnlesson autograde --force": RESTORE,
    "cnnlesson autograde --help-all": HELP,
    "cnnlesson simulate --students 300": "tests/test_simulate.py::large",
    "make .venv/with-test": ".ci/run::make test",
    "make attacks": "tests/test_attacks.py::test_each_student_earns_what_they_deserve",
    "make bench": "tests/test_benchmarks.py::test_the_one_of_the_convolution",
    "make bench-sandbox": "tests/test_benchmarks.py::test_the_one_of_the_sandbox",
    "make bench-visualisers": "tests/test_benchmarks.py::test_the_one_of_the_visualisers",
    "make constraints": "tests/test_pins.py::test_they_are_pinned_anew_by_make",
    "make notebooks": "tests/test_notebooks.py::test_they_are_what_make_notebooks_makes",
    "make same-marks": "tests/test_same_marks.py::test_marks_are_the_same_but_for_partial_credit",
    "nbgrader autograde": "tests/test_grading_loop.py::test_the_whole_class_is_in_the_gradebook",
    "nbgrader autograde --help-all": HELP,
    "nbgrader generate_assignment NAME": LAB,
    "nbgrader generate_feedback": "tests/test_grading_loop.py::test_feedback_tells_what_went_wrong",
    "nbgrader submit": HUB,
    "pytest --markers": "tests/test_docs_commands.py::test_markers_are_listed",
}


# --- What the reader of a page has and does, besides what it says ---------------------------------


def solved(course, assignment, student):
    """An assignment as a student who knows everything answers it."""
    notebook = nbformat.read(course / f"source/{assignment}/{assignment}.ipynb", as_version=4)
    for cell in notebook.cells:
        if cell.source == "student_id = ...":
            cell.source = f'student_id = "{student}"'
        elif cell.metadata.get("nbgrader", {}).get("solution") and cell.cell_type == "markdown":
            cell.source = "Every position uses the same weights."
    return nbformat.writes(notebook).encode()


def handed_in(name):
    """What a student of the bundled class hands in."""
    return (ROOT / f"tests/submissions/{name}/{ASSIGNMENT}/{ASSIGNMENT}.ipynb").read_bytes()


def write(folder, files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)


def downloads(course):
    """What two students uploaded: Ada, who knows everything, and Ben, who knows nothing."""
    class_of_two = {"ada": solved(course, ASSIGNMENT, "ada"), "ben": handed_in("all-wrong")}
    files = {f"{name}_{ASSIGNMENT}.ipynb": content for name, content in class_of_two.items()}
    write(course / "downloaded" / ASSIGNMENT / "archive", files)


def lms_files(course):
    """What Canvas and Moodle let one download of the same class."""
    canvas = {f"lovelaceada_101_5001_ada_{ASSIGNMENT}.ipynb": handed_in("all-right")}
    folder = "Emmy Noether_9002_assignsubmission_file_"
    moodle = {f"{folder}/{ASSIGNMENT}.ipynb": handed_in("all-wrong")}
    files = {
        "canvas.csv": lms_class.CANVAS.encode(),
        "moodle.csv": lms_class.MOODLE.encode(),
        "worksheet.csv": lms_class.WORKSHEET.encode(),
        "submissions.zip": zipped(canvas),
        "moodle.zip": zipped(moodle),
    }
    write(course, files)


def cloned(course):
    """A clone, which has something to pull from, and a gradebook."""
    shutil.rmtree(course)
    published = course.with_name("published")
    for command in (
        ["git", "clone", "--quiet", ROOT, published],
        ["git", "-C", published, "switch", "--quiet", "--force-create", "main"],
        ["git", "clone", "--quiet", published, course],
    ):
        subprocess.run(command, check=True)
    (course / ".venv").symlink_to(ROOT / ".venv")
    typed([f"nbgrader generate_assignment {ASSIGNMENT}"], course)


def answered(assignment):
    """Answer the copy in work/, and save it."""

    def answer(course):
        write(
            course / "work" / assignment,
            {f"{assignment}.ipynb": solved(course, assignment, "ada")},
        )

    return answer


BEGINS_WITH = {
    "docs/administrators/upgrading.md": cloned,
    "docs/instructors/grading.md": downloads,
    "docs/lms.md": lms_files,
}
GRADING = "docs/instructors/grading.md"
REPEATS = {"README.md": GRADING, "docs/report.md": GRADING, "docs/scaling.md": GRADING}
"""Pages whose commands are those of another one, and run there."""

OWN_QUESTION = "docs/instructors/own-question.md"
GOES_ON = {"docs/administrators/gradebook.md": GRADING, "docs/developers/question.md": OWN_QUESTION}
"""Pages that begin where another one ends."""


def judged_as_planted(course):
    """Look whether the scores are those that the simulated students deserve."""
    deserved = column(course, "simulated/pooling/totals.csv", "student", "before_manual")
    scores = column(course, "grades.csv", "student_id", "score")
    assert {student: float(score) for student, score in scores.items()} == {
        student: float(points) for student, points in deserved.items()
    }


BEFORE = {  # page and command: what happens first
    ("docs/students.md", f"cnnlesson hand-in {ASSIGNMENT}"): answered(ASSIGNMENT),
    ("docs/instructors/own-question.md", "cnnlesson hand-in pooling"): answered("pooling"),
    (
        "docs/instructors/own-question.md",
        "rm -rf submitted autograded feedback simulated reports gradebook.db grades.csv",
    ): judged_as_planted,
    (
        "docs/lms.md",
        "cnnlesson collect parameter-sharing moodle.zip --from moodle --roster worksheet.csv "
        "--timezone Europe/Berlin",
    ): lambda course: shutil.rmtree(course / "downloaded"),  # as if there had been no Canvas
}


# --- Following a page ------------------------------------------------------------------------

TYPES = {  # in *Create Assignment*: what nbgrader writes into a cell
    "-": None,
    "Read-only": {"grade": False, "locked": True, "solution": False},
    "Autograded answer": {"grade": False, "locked": False, "solution": True},
    "Autograded tests": {"grade": True, "locked": True, "solution": False},
    "Manually graded answer": {"grade": True, "locked": False, "solution": True},
}


def typed(lines, course):
    """Type commands in an active environment of the course; return what they say."""
    done = subprocess.run(
        ["bash", "-e"],
        input="\n".join(lines),
        cwd=course,
        env=ACTIVE | {"PYTHONPATH": str(course)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, f"{lines}\n{done.stdout}"
    return done.stdout


OURS = ("PYTHONDONTWRITEBYTECODE", "MAKEFLAGS", "MAKELEVEL", "MFLAGS", "MAKEOVERRIDES")
BIN = Path(sys.executable).parent
ACTIVE = {name: value for name, value in os.environ.items() if name not in OURS} | {
    "PATH": os.pathsep.join([str(BIN), os.environ["PATH"]])
}


def elsewhere(command):
    """The test that runs a command, if it is not run here."""
    return next((test for begin, test in ELSEWHERE.items() if begins(command, begin)), None)


def begins(command, begin):
    """Whether a command begins with these words."""
    return f"{command} ".startswith(f"{begin} ")


def copied(course):
    """Copy what git tracks, and what it would if it were added."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).exists():
            (course / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, course / name)
    (course / ".venv").symlink_to(ROOT / ".venv")


def written(cells):
    """A notebook as JupyterLab and *Create Assignment* leave it."""
    notebook = nbformat.v4.new_notebook()
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3 (ipykernel)"}
    for cell in cells:
        new = (
            nbformat.v4.new_markdown_cell if cell.kind == "Markdown" else nbformat.v4.new_code_cell
        )
        notebook.cells.append(new(cell.source))
        if flags := TYPES[cell.type]:
            notebook.cells[-1].metadata.nbgrader = nbgrader_of(cell, flags)
    return nbformat.writes(notebook).encode()


def nbgrader_of(cell, flags):
    points = {"points": cell.points} if flags["grade"] else {}
    return {"grade_id": cell.id, "schema_version": 3, "task": False, **flags, **points}


@pytest.fixture(scope="module")
def follow(tmp_path_factory):
    """Do what a page says, once; give the course after it, and what each command said."""
    followed = {}

    def follow(page):
        if page not in followed:
            if page in GOES_ON:
                course, _ = follow(GOES_ON[page])
            else:
                course = tmp_path_factory.mktemp("fresh") / "course"
                copied(course)
                BEGINS_WITH.get(page, lambda course: None)(course)
            followed[page] = course, do(page, course)
        return followed[page]

    return follow


def do(page, course):
    """Take all steps of a page; return what each command said."""
    told, cells = {}, []
    for step in manual.steps(page):
        match step:
            case File():
                write_down(step, course)
            case Change(diff):
                subprocess.run(["patch", "-p1"], cwd=course, input=diff, text=True, check=True)
            case Cell():
                cells.append(step)
            case Commands():
                if cells:
                    name = "pooling"
                    write(course / "source" / name, {f"{name}.ipynb": written(cells)})
                    cells = []
                told |= type_all(step, page, course)
    return told


def write_down(file, course):
    path = course / file.name
    path.parent.mkdir(parents=True, exist_ok=True)
    before = path.read_text(encoding="utf-8") if file.adds else ""
    path.write_text(before + file.text, encoding="utf-8")


def type_all(step, page, course):
    """Type the commands of a block that no other test runs, and compare what they say."""
    told, moved = {}, []
    for line in step.lines:
        if elsewhere(line):
            continue
        if line.startswith("cd "):
            moved.append(line)
        else:
            BEFORE.get((page, line), lambda course: None)(course)
            told[line] = typed([*moved, line], course)
    said = [" ".join(line.split()) for line in "\n".join(told.values()).splitlines()]
    lines = iter(said)
    for shown in step.says:
        pattern = re.escape(" ".join(shown.split())).replace("…", ".*")
        assert any(re.fullmatch(pattern, line) for line in lines), (page, shown, said)
    return told


@pytest.mark.nbgrader
@pytest.mark.sandbox
@pytest.mark.parametrize("name", [name for name in PAGES if name not in REPEATS])
def test_a_page_can_be_followed_word_for_word(name, follow):
    follow(name)


@pytest.mark.parametrize("name", REPEATS)
def test_the_commands_of_a_page_are_those_of_another_in_its_order(name):
    in_the_other = iter(manual.commands(REPEATS[name]))
    for line in manual.commands(name):
        assert elsewhere(line) or line in in_the_other, line


TYPED = [line for page in PAGES for line in manual.commands(page)]
PROGRAMS = "make|cnnlesson|nbgrader|dask|pytest|pip|apt|pg_dump|pg_restore"


def within_sentences():
    """The commands that pages tell of by the way, with the page."""
    for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")):
        if path.name != "CHANGELOG.md":  # which tells of what was
            for found in re.findall(rf"`((?:{PROGRAMS}) [^`]+)`", path.read_text(encoding="utf-8")):
                yield path.relative_to(ROOT), found


def test_what_is_run_elsewhere_is_in_the_documentation_and_there():
    told = [command for _, command in within_sentences()]
    for tests, commands in ((ELSEWHERE, TYPED), (WITHIN, told)):
        for begin, place in tests.items():
            assert any(begins(line, begin) for line in commands), begin
            file, _, name = place.partition("::")
            name = f"def {name}(" if file.endswith(".py") else name
            assert name in (ROOT / file).read_text(encoding="utf-8"), place


def test_commands_within_sentences_are_run_too():
    for path, command in within_sentences():
        typed_somewhere = any(begins(line, command) for line in TYPED)
        begun = any(begins(command, begin) for begin in (*ELSEWHERE, *WITHIN, UNTESTED))
        assert typed_somewhere or begun, (path, command)


def test_what_is_not_run_is_said_to_be_left_out():
    paragraphs = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").split("\n\n")
    (paragraph,) = [each for each in paragraphs if "CI leaves it out" in each]
    assert f"`{UNTESTED}`" in paragraph


def test_pages_that_install_a_wheel_are_those_that_are_tried():
    pages = {
        page for page in PAGES for line in manual.commands(page) if begins(line, "pip install")
    }
    assert pages == {*test_dist.INSTALLING}


def test_targets_and_flags_within_sentences_exist():
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    for path, command in within_sentences():
        program, name = command.split()[:2]
        if program == "make" and not name.startswith("."):
            assert name in targets, (path, command)
        if program == "cnnlesson" and name in main.commands and name not in PASSING_ON:
            known = {flag for each in main.commands[name].params for flag in each.opts}
            assert {*re.findall(r"--[\w-]+", command)} <= known, (path, command)


PASSING_ON = ("autograde", "feedback")  # whose other flags are nbgrader's


def test_markers_are_listed():
    assert "@pytest.mark.sandbox: " in typed(["pytest --markers"], ROOT)


@pytest.mark.nbgrader
@pytest.mark.parametrize("program", ["cnnlesson", "nbgrader"])
def test_flags_of_grading_are_listed_but_for_those_of_the_course(program):
    told = typed([f"{program} autograde --help-all"], ROOT)
    assert "--no-execute" in told
    assert "--Autograde.create_student" in told
    assert "ReadingLimits" not in told


# --- In JupyterLab ---------------------------------------------------------------------------


@pytest.fixture
def jupyterlab(follow, tmp_path):
    """JupyterLab in the course that has the new question, but not its assignment yet."""
    course, _ = follow(OWN_QUESTION)
    shutil.rmtree(course / "source" / "pooling")
    command = [BIN / "jupyter-lab", "--no-browser", "--ServerApp.ip=127.0.0.1"]
    command += ["--allow-root"] if os.geteuid() == 0 else []
    home = quiet_home(tmp_path)
    with served(command, course, ACTIVE | {"PYTHONPATH": str(course)}, home) as (host, _, token):
        yield course, lambda path: f"{host}/{path}?reset&token={token}"


@pytest.mark.browser
@pytest.mark.sandbox
def test_an_assignment_is_written_in_jupyterlab_as_the_page_says(jupyterlab, page):
    course, server = jupyterlab
    wanted = [step for step in manual.steps(OWN_QUESTION) if isinstance(step, Cell)]
    path = "source/pooling/pooling.ipynb"
    page.goto(server("lab/tree/notebooks"))
    page.locator(".jp-DirListing-item", has_text="01-parameter").wait_for()
    page.locator(".jp-BreadCrumbs-home").click()
    page.locator(".jp-DirListing-item", has_text="source").dblclick()
    page.locator(".jp-DirListing-item", has_text="parameter-sharing").wait_for()
    page.get_by_role("button", name="New Folder").click()
    page.locator(".jp-DirListing-editor").fill("pooling")
    page.keyboard.press("Enter")
    page.locator(".jp-DirListing-item", has_text="pooling").dblclick()
    page.get_by_role("button", name="New Launcher (").click()
    python = page.locator('.jp-LauncherCard[title*="Python 3 (ipykernel)"]:visible').first
    with kernel_awaited(page, server, path.replace("pooling.ipynb", "Untitled.ipynb")):
        python.click()
    choose(page, "File", "Rename Notebook…")
    page.locator(".jp-Dialog input").fill("pooling.ipynb")
    page.locator(".jp-Dialog").get_by_role("button", name="Rename").click()
    page.get_by_role("tab", name="pooling.ipynb").wait_for()
    page.get_by_role("tab", name="Create Assignment").click()
    for number, cell in enumerate(wanted):
        page.keyboard.press("Escape")
        if number:
            page.keyboard.press("b")
        if cell.kind == "Markdown":
            page.keyboard.press("m")
        page.keyboard.press("Enter")
        page.keyboard.insert_text(cell.source)
    boxes = page.locator(".nbgrader-CellWidget")
    for box, cell in zip(boxes.all(), wanted, strict=True):
        box.get_by_label("Type").select_option(label=cell.type)
        for label, value in (("ID", cell.id), ("Points", str(cell.points or ""))):
            if value:
                box.get_by_label(label).fill(value)
                box.get_by_label(label).press("Tab")
    choose(page, "Run", "Run All Cells")
    page.locator(".jp-OutputArea-output", has_text=re.compile(r"\(\d+, \d+\) is right")).wait_for()
    with page.expect_response(lambda answer: answer.request.method == "PUT"):
        page.keyboard.press("Control+S")
    saved = nbformat.read(course / path, as_version=4)
    assert told_by(saved) == told_by(nbformat.reads(written(wanted), as_version=4))


def choose(page, menu, entry):
    page.get_by_role("menuitem", name=menu, exact=True).click()
    page.get_by_role("menuitem", name=entry, exact=True).click()


def told_by(notebook):
    """What of a notebook counts."""
    return [(each.cell_type, each.source, each.metadata.get("nbgrader")) for each in notebook.cells]


# --- What a page leaves ----------------------------------------------------------------------


def column(course, file, key, grade):
    with (course / file).open(encoding="utf-8-sig", newline="") as opened:
        return {row[key]: row[grade] for row in csv.DictReader(opened)}


@pytest.mark.nbgrader
@pytest.mark.sandbox
def test_grades_arrive_in_canvas_and_in_moodle(follow):
    course, told = follow("docs/lms.md")
    assert "5 students added" in told["cnnlesson roster canvas.csv"]
    assert "0 students added" in told["cnnlesson roster moodle.csv"]
    assert "2 graded" in told["cnnlesson autograde parameter-sharing"]
    with Gradebook(f"sqlite:///{course}/gradebook.db") as gradebook:
        scores = {
            each.student_id: f"{each.score:g}"
            for each in gradebook.assignment_submissions(ASSIGNMENT)
        }
    ada, emmy = scores.pop("ada"), scores.pop("e.noether")
    assert scores == {}
    assert float(ada) > float(emmy) > 0
    canvas = column(course, "grades-canvas.csv", "ID", "Parameter Sharing (8)")
    assert (canvas["101"], canvas["102"], canvas["103"]) == (ada, emmy, "")
    assert column(course, "for-canvas.csv", "ID", "Parameter Sharing (8)") == canvas
    title = "Assignment: Parameter sharing (Real)"
    moodle = column(course, "grades-moodle.csv", "Email address", title)
    assert (moodle["ada@uni.edu"], moodle["e.noether@uni.edu"]) == (ada, emmy)
    assert column(course, "for-moodle.csv", "Email address", title) == moodle
    written_out = column(course, "worksheet-graded.csv", "Identifier", "Grade")
    assert written_out == {
        "Participant 9001": ada,
        "Participant 9002": emmy,
        "Participant 9003": "",
    }
