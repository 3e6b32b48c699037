"""`cnnlesson collect`: the zip files of Canvas and Moodle, sorted into submitted/."""

import json
import os
import shutil

import lms_class
import pytest
from lms_class import ASSIGNMENT, zipped

FILE = f"{ASSIGNMENT}.ipynb"

pytestmark = pytest.mark.nbgrader


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    return lms_class.course_with_class(tmp_path_factory.mktemp("course"), graded=False)


@pytest.fixture
def course(prepared, tmp_path):
    shutil.copytree(prepared, tmp_path / "course")
    return tmp_path / "course"


@pytest.fixture
def collect(course, monkeypatch):
    """Collect archives by name, in this process, and return what became of them."""
    from cnnlesson.grading.collecting import CollectFromLms

    monkeypatch.chdir(course)

    def collect(system, archives, *, at=None, **settings):
        folder = course.parent / "downloads"
        folder.mkdir(exist_ok=True)
        for name, members in archives.items():
            (folder / name).write_bytes(zipped(members))
            if at:
                os.utime(folder / name, (at, at))
        CollectFromLms.clear_instance()
        app = CollectFromLms()
        app.initialize([ASSIGNMENT])
        return app.collect(system, [folder / name for name in archives], **settings)

    return collect


def notebook(said):
    return json.dumps({"cells": [], "metadata": {"said": said}, "nbformat": 4, "nbformat_minor": 5})


def submitted(course):
    """What each student handed in: the file's name, and what it says."""
    return {
        (path.parts[-3], path.name): json.loads(path.read_text())["metadata"]["said"]
        for path in (course / "submitted").glob(f"*/{ASSIGNMENT}/*.ipynb")
    }


def test_canvas_files_go_to_whom_they_belong(course, collect):
    members = {
        f"lovelaceada_101_5001_ada_{FILE}": notebook("ada"),
        f"noetheremmy_LATE_102_5002_{ASSIGNMENT}-1.ipynb": notebook("emmy"),
        "hoppergrace_103_5003_my homework.ipynb": notebook("grace"),
        f"gödelkurt_104_5004_work/{ASSIGNMENT}.IPYNB": notebook("kurt"),
        f"evil_105_5005_{FILE}": notebook("eve"),
        f"no pattern {FILE}": notebook("nobody"),
        "lovelaceada_101_5001_notes.txt": "notes",
        "__MACOSX/._notes.txt": "what the system adds",
    }
    done = collect("canvas", {"class.zip": members})
    assert submitted(course) == {
        ("ada", FILE): "ada",
        ("emmy", FILE): "emmy",
        ("grace", "my homework.ipynb"): "grace",  # which grading knows by its cells
        ("kurt", FILE): "kurt",
    }
    assert done.placed == ["ada", "emmy", "grace", "kurt"]
    assert done.late == ["emmy"]
    assert done.by_name == ["'hoppergrace' as 'grace'"]
    assert done.without == ["zoe"]
    assert done.others == ["'class/lovelaceada_101_5001_notes.txt'"]
    assert [each.split(": ")[1] for each in done.unplaced] == [
        "it is not named as Canvas names files",
        "the gradebook has no such student",
    ]


def test_a_student_cannot_be_taken_for_another_by_a_name(course, collect):
    members = {
        f"eve_101_105_5005_{FILE}": notebook("who is called eve_101"),
        f"lovelaceada_105_5006_{FILE}": notebook("who is called as Ada is"),
        f"noetheremmy_102_5007_work/lovelaceada_101_9999_{FILE}": notebook("emmy"),
        f"lovelaceada_101_5008_3_{FILE}": notebook("ada"),
    }
    roster = course / "canvas.csv"
    roster.write_text(lms_class.CANVAS, encoding="utf-8")
    done = collect("canvas", {"class.zip": members}, roster=roster)
    assert submitted(course) == {("emmy", FILE): "emmy", ("ada", FILE): "ada"}
    assert len(done.unplaced) == 2


@pytest.mark.parametrize("late", ["", "LATE_"])
@pytest.mark.parametrize("mallory", ["known", "unknown"])
def test_a_name_with_numbers_in_it_hands_in_for_nobody(course, collect, late, mallory):
    """Canvas takes "_101_" out of names, but then makes it of "_-101_-" by itself."""
    roster = course / "canvas.csv"
    row = "LovelaceAda_-101_-999999999,666,S6,mallory@uni.edu,B,0,,5,50,50\n"
    roster.write_text(lms_class.CANVAS + row * (mallory == "known"), encoding="utf-8")
    members = {
        f"lovelaceada_101_5001_{FILE}": notebook("ada"),
        f"lovelaceada_101_999999999_{late}666_5002_{FILE}": notebook("mallory"),
        f"noetheremmy_102_5003_01_02_{FILE}": notebook("emmy's, or somebody's"),
    }
    done = collect("canvas", {"class.zip": members}, roster=roster)
    assert submitted(course) == {("ada", FILE): "ada"}
    assert len(done.unplaced) == 2


def test_the_newest_attempt_counts_and_the_rest_are_listed(course, collect):
    first = {f"lovelaceada_101_5001_{FILE}": notebook("first")}
    second = {f"lovelaceada_101_5009_{ASSIGNMENT}-2.ipynb": notebook("second")}
    done = collect("canvas", {"b.zip": second, "c.zip": first})
    assert submitted(course) == {("ada", FILE): "second"}
    assert len(done.older) == 1
    assert "5001" in done.older[0]
    done = collect("canvas", {})
    assert (done.placed, done.unchanged) == ([], ["ada"])
    third = {"d.zip": {f"lovelaceada_101_5010_{FILE}": notebook("third")}}
    assert collect("canvas", third).waiting == ["ada"]
    assert submitted(course) == {("ada", FILE): "second"}
    assert collect("canvas", {}, replace=True).placed == ["ada"]
    assert submitted(course) == {("ada", FILE): "third"}


def test_moodle_folders_go_to_whom_they_belong_with_their_times(course, collect):
    from zoneinfo import ZoneInfo

    worksheet = course / "worksheet.csv"
    worksheet.write_text(lms_class.WORKSHEET, encoding="utf-8")
    members = {
        f"Ada Lovelace_9001_assignsubmission_file_/{FILE}": notebook("ada"),
        f"Other Name_9002_assignsubmission_file/deep/{FILE}": notebook("emmy"),
        f"Kurt Gödel_9004_assignsubmission_file_{FILE}": notebook("kurt"),
        "Ada Lovelace_9001_assignsubmission_onlinetext_/onlinetext.html": "<p>",
        f"Nobody_9009_assignsubmission_file_/Grace Hopper_1_assignsubmission_file_/{FILE}": "{}",
    }
    zone = ZoneInfo("Europe/Berlin")
    done = collect("moodle", {"class.zip": members}, roster=worksheet, zone=zone)
    assert submitted(course) == {
        ("ada", FILE): "ada",
        ("emmy", FILE): "emmy",
        ("kurt", FILE): "kurt",
    }
    times = {
        path.parts[-3]: path.read_text() for path in (course / "submitted").rglob("timestamp.txt")
    }
    assert times == {"ada": "2025-09-14 21:59:00", "emmy": "2025-09-14 22:05:00"}
    assert done.timed == 2
    assert len(done.unplaced) == 1
    assert "Nobody" in done.unplaced[0]


def test_times_can_be_had_later(course, collect):
    from zoneinfo import ZoneInfo

    worksheet = course / "worksheet.csv"
    worksheet.write_text(lms_class.WORKSHEET, encoding="utf-8")
    timed = {"roster": worksheet, "zone": ZoneInfo("UTC")}
    archives = {"class.zip": {f"Ada Lovelace_9001_assignsubmission_file_/{FILE}": notebook("ada")}}
    assert collect("moodle", archives).placed == ["ada"]
    assert collect("moodle", {}, **timed).waiting == ["ada"]
    assert collect("moodle", {}, replace=True, **timed).timed == 1
    assert (course / f"submitted/ada/{ASSIGNMENT}/timestamp.txt").read_text()
    assert collect("moodle", {}, replace=True, **timed).unchanged == ["ada"]
    assert collect("moodle", {}).unchanged == ["ada"]


def test_a_later_download_stands_for_an_earlier_one(course, collect):
    name = f"Ada Lovelace_9001_assignsubmission_file_/{FILE}"
    collect("moodle", {"z.zip": {name: notebook("old")}}, at=1_000_000)
    collect("moodle", {"a.zip": {name: notebook("new")}}, at=2_000_000, replace=True)
    assert submitted(course) == {("ada", FILE): "new"}


def test_bombs_and_ways_out_are_left_aside_and_the_others_placed(course, collect):
    done = collect(
        "canvas",
        {
            "bomb.zip": {f"lovelaceada_101_5001_{FILE}": "0" * 50_000_000},
            "out.zip": {f"../../lovelaceada_101_5001_{FILE}": "{}"},
            "good.zip": {f"noetheremmy_102_5002_{FILE}": notebook("emmy")},
        },
    )
    assert submitted(course) == {("emmy", FILE): "emmy"}
    assert [each.split(":")[0] for each in done.refused] == [
        "Left aside 'bomb.zip'",
        "Left aside 'out.zip'",
    ]


def test_the_command_says_what_it_did(course, run):
    (course / "class.zip").write_bytes(
        zipped({f"lovelaceada_101_5001_{FILE}": notebook("ada"), "odd.ipynb": "{}"})
    )
    said = run(
        "cnnlesson", "collect", ASSIGNMENT, "class.zip", "--from=canvas", cwd=course, check=0
    )
    assert "1 submissions placed, 0 of them with the time of handing in" in said
    assert "1 not placed:\n  'class/odd.ipynb': it is not named as Canvas names files" in said
    assert submitted(course) == {("ada", FILE): "ada"}
