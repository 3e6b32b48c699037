"""A student and an instructor in a real JupyterHub, and what goes between them by the exchange."""

import os
import stat
from contextlib import contextmanager

import psutil
import pytest
from course import ROOT, copy_course
from labs import (
    PATIENCE,
    be_quiet,
    fill_in,
    kernel_awaited,
    quiet_home,
    run_all,
    served,
    wait_until_all_has_run,
)

from cnnlesson.quiz import bank
from cnnlesson.quiz.session import variant

pytestmark = [pytest.mark.browser, pytest.mark.nbgrader, pytest.mark.sandbox]

ASSIGNMENT = "parameter-sharing"
COMMENT = "Say it of one filter, too."
PRINTED = r"(http://127\.0\.0\.1:\d+)/[^$]+password (\S+)"


@pytest.fixture
def course(open_folder):
    """All that `make hub` uses, apart from the checkout, where made-up users can get to it."""
    files = ("Makefile", "pyproject.toml", "constraints.txt", "source", "release", "tools/hub")
    folder = open_folder / "hub"
    folder.mkdir()
    course = copy_course(folder, *files)
    for name in ("pyproject.toml", "constraints.txt"):
        os.utime(course / name, (0, 0))  # so old that make will not install this copy
    (course / ".venv").symlink_to(ROOT / ".venv")
    be_quiet(course / "tools" / "hub" / "everyone")
    return course


@contextmanager
def entered(browser, hub, password, user):
    """Give a page of the user's JupyterLab, and the address of it."""
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    page = context.new_page()
    page.set_default_timeout(PATIENCE * 1000)
    page.goto(f"{hub}/hub/login")
    page.get_by_label("Username").fill(user)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    yield page, f"{hub}/user/{user}"
    context.close()


def press(page, row, button):
    """Press a button of the formgrader's in an assignment's or a student's row; return the log."""
    page.locator("tr", has_text=row).locator(f".{button} a").click()
    told = page.locator(".modal.in")
    told.wait_for()
    assert told.locator(".modal-title").inner_text() == "Success", told.inner_text()
    log = told.inner_text()
    told.get_by_role("button", name="Close").last.click()
    told.wait_for(state="detached")
    return log


@contextmanager
def saved(page, address):
    """Have something saved by a request to such an address, and wait until it is."""
    with page.expect_response(
        lambda answer: answer.request.method == "PUT" and address in answer.url
    ) as answer:
        yield
    assert answer.value.ok


def open_assignments(page):
    """Open JupyterLab's list of assignments by the menu."""
    page.get_by_role("menuitem", name="Nbgrader", exact=True).click()
    page.get_by_role("menuitem", name="Assignment List", exact=True).click()


def test_from_the_release_to_the_feedback(course, browser, clean_environment, tmp_path):
    box = course / "build" / "hub"
    make_hub = served(["make", "hub"], course, clean_environment, quiet_home(tmp_path), PRINTED)
    with make_hub as (hub, password):
        with (
            entered(browser, hub, password, "instructor") as (instructor, office),
            entered(browser, hub, password, "ada") as (student, desk),
        ):
            instructor.wait_for_url(f"{office}/lab**")
            instructor.goto(f"{office}/formgrader/manage_assignments")
            press(instructor, ASSIGNMENT, "assign")
            press(instructor, ASSIGNMENT, "release")
            hand_in(student, desk)
            assert "Collecting submission: ada" in press(instructor, ASSIGNMENT, "collect")
            grade(instructor, office)
            feedback = read_feedback(student)
            assert "Score: 3.5 / 18.0" in feedback
            assert COMMENT in feedback
        homes = {each.name: permissions(each) for each in (box / "home").iterdir()}
        assert homes == dict.fromkeys(["instructor", "ada", "ben"], 0o700)
        assert permissions(box / "exchange" / "cnnlesson" / "inbound") == 0o733
    assert not box.exists()
    assert not [each for each in psutil.process_iter() if str(box) in environment_of(each)]


def hand_in(page, desk):
    """Fetch the assignment, answer one of its questions, validate, and submit."""
    page.wait_for_url(f"{desk}/lab**")
    open_assignments(page)
    page.locator("#released_assignments_list").get_by_role("button", name="Fetch").click()
    fetched = page.locator("#fetched_assignments_list")
    fetched.get_by_role("button", name=ASSIGNMENT).click()
    notebook = f"{ASSIGNMENT}/{ASSIGNMENT}.ipynb"
    with kernel_awaited(page, lambda path: f"{desk}/{path}", notebook):
        fetched.get_by_role("link", name=ASSIGNMENT).click()
    run_all(page)
    wait_until_all_has_run(page)
    page.get_by_text("Parameter sharing: the questions of ada.").wait_for()
    layer = bank.setup(bank.QUESTIONS[ASSIGNMENT], variant(ASSIGNMENT, "ada"))
    name, right = "number_of_shared_parameters", (layer.weights + 1) * layer.K
    fill_in(page, f"{name} = ", f"{name} = {right}")
    page.keyboard.press("Shift+Enter")
    page.locator(".jp-OutputArea-output", has_text=f"{right} is right.").wait_for()
    with saved(page, "/api/contents/"):
        page.keyboard.press("Control+S")

    page.get_by_role("tab", name="Assignments").click()
    fetched.get_by_role("button", name="Validate").click()
    told = page.get_by_role("dialog")
    told.wait_for()
    assert "failed" in told.inner_text()  # since the other questions are not answered
    told.get_by_role("button").last.click()
    fetched.get_by_role("button", name="Submit").click()
    page.get_by_role("button", name="Fetch Feedback").wait_for()


def grade(page, office):
    """Have the answers judged, grade the explanation, and hand the feedback out."""
    page.goto(f"{office}/formgrader/manage_submissions/{ASSIGNMENT}")
    press(page, "ada", "autograde")
    assert page.locator("tr", has_text="ada").locator(".score").inner_text() == "2 / 18"
    page.goto(f"{office}/formgrader/gradebook/{ASSIGNMENT}/{ASSIGNMENT}")
    page.get_by_role("link", name="Submission #1").click()
    for field in (".extra-credit", ".comment"):  # get their hints when the page begins to listen
        page.locator(f"{field}[placeholder]").last.wait_for()
    for field, text in (("input.score", "1.5"), ("textarea.comment", COMMENT)):
        last = page.locator(field).last
        with saved(page, "/formgrader/api/"):
            last.fill(text)
            last.press("Tab")
    page.goto(f"{office}/formgrader/manage_submissions/{ASSIGNMENT}")
    press(page, "ada", "generate-feedback")
    press(page, "ada", "release-feedback")


def read_feedback(page):
    """Fetch the feedback, open its page in JupyterLab, and return what it says."""
    page.get_by_role("button", name="Fetch Feedback").click()
    page.get_by_text("(view feedback)").click()
    page.locator(".jp-DirListing-item", has_text=f"{ASSIGNMENT}.html").dblclick()
    return page.frame_locator(".jp-HTMLViewer iframe").locator("body").inner_text()


def permissions(path):
    """Return who may do what, without the flags of a folder."""
    return stat.S_IMODE(path.stat().st_mode) & 0o777


def environment_of(process):
    """Return the values of a process's variables, which name the box in all that the hub starts."""
    try:
        return " ".join(process.environ().values())
    except psutil.Error:
        return ""
