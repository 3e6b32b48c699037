"""Grades for Canvas and Moodle: their own files again, with the grades in them."""

import csv
import io

import lms_class
import pytest
from lms_class import ASSIGNMENT
from nbgrader.api import Gradebook

from cnnlesson.grading.exports import CannotExportError, CanvasExporter, MoodleExporter
from cnnlesson.grading.lms import CANVAS, MOODLE, WORKSHEET, read_grade_file
from cnnlesson.grading.sheets import NotATableError

pytestmark = pytest.mark.nbgrader


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    return lms_class.course_with_class(tmp_path_factory.mktemp("course"))


@pytest.fixture
def export(course, tmp_path):
    """Export into a copy of a file, and return its rows, and what was said."""

    def export(kind, text, **settings):
        roster = tmp_path / "roster.csv"
        roster.write_text(text, encoding="utf-8")
        to = tmp_path / "written.csv"
        exporter = kind(roster=str(roster), to=str(to), **settings)
        with Gradebook(f"sqlite:///{course}/gradebook.db", "cnnlesson") as gradebook:
            told = exporter.write(gradebook)
        return to.read_text(encoding="utf-8"), "\n".join(told.remarks), to

    return export


def rows(text):
    return [*csv.reader(io.StringIO(text.removeprefix("\ufeff")))]


def test_canvas_gets_its_own_file_with_the_grades(export):
    text, said, path = export(CanvasExporter, lms_class.CANVAS)
    assert text.startswith("\ufeff")
    assert rows(text) == [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "Parameter Sharing (8)"],
        ["", "", "", "", "", "Manual Posting"],
        ["    Points Possible", "", "", "", "", "10"],
        ["Lovelace, Ada", "101", "S1", "ada@uni.edu", "A", "10"],
        ["Noether, Emmy", "102", "S2", "e.noether@uni.edu", "A", "5.25"],
        ["Hopper, Grace", "103", "S3", "grace@uni.edu", "B", "0"],  # late, and not below nothing
        ["Gödel, Kurt", "104", "S4", "kurt@uni.edu", "B", "2.5"],  # not handed in: as it was
        ["'=cmd|' /C calc'!A0, Eve", "105", "S5", "eve@uni.edu", "B", ""],
        ["Student, Test", "999", "", "abcdef", "B", ""],
    ]
    assert "points taken off for lateness: 'emmy' 2, 'grace' 4" in said
    assert "not in the gradebook: 'Eve =cmd" in said
    assert "in the gradebook and not in" in said
    assert said.endswith("'zoe'")
    again = read_grade_file(path)
    assert (again.kind, [again.title(at) for at in again.assignments]) == (
        CANVAS,
        ["Parameter Sharing"],
    )


def test_moodle_gets_its_own_file_with_the_grades(export):
    text, _, path = export(MoodleExporter, lms_class.MOODLE)
    header, *students = rows(text)
    assert header == [
        *("First name", "Last name", "ID number", "Institution", "Department", "Email address"),
        *("Assignment: Parameter sharing (Real)", "Last downloaded from this course"),
    ]
    assert [row[5:] for row in students] == [
        ["ada@uni.edu", "10", "1758000000"],
        ["e.noether@uni.edu", "5.25", "1758000000"],
        ["grace@uni.edu", "0", "1758000000"],
        ["eve@uni.edu", "-", "1758000000"],
    ]
    assert students[3][0] == "'@SUM(A1)"
    assert read_grade_file(path).kind == MOODLE


def test_a_grading_worksheet_keeps_all_but_the_grades(export):
    text, said, path = export(MoodleExporter, lms_class.WORKSHEET)
    before, after = rows(lms_class.WORKSHEET), rows(text)
    assert [row[4] for row in after] == ["Grade", "10", "5.25", "0"]
    assert [row[:4] + row[5:] for row in after] == [row[:4] + row[5:] for row in before]
    assert "no one change the grade of 'Participant 9003'" in said
    assert read_grade_file(path).kind == WORKSHEET


@pytest.mark.parametrize(
    ("kind", "text"), [(CanvasExporter, lms_class.CANVAS), (MoodleExporter, lms_class.MOODLE)]
)
def test_an_export_of_an_export_is_the_same(export, kind, text):
    once, _, _ = export(kind, text)
    assert export(kind, once)[0] == once


def test_what_does_not_fit_is_said(export):
    with pytest.raises(CannotExportError, match="has no column 'Nothing'"):
        export(CanvasExporter, lms_class.CANVAS, columns={ASSIGNMENT: "Nothing"})
    with pytest.raises(CannotExportError, match="no assignment 'nothing'; it has parameter"):
        export(CanvasExporter, lms_class.CANVAS, assignment=["nothing"])
    with pytest.raises(CannotExportError, match="is a Moodle grade export"):
        export(CanvasExporter, lms_class.MOODLE)
    with pytest.raises(NotATableError, match="is neither a gradebook file of Canvas"):
        export(CanvasExporter, "name,grade\nAda,1\n")
    _, said, _ = export(CanvasExporter, lms_class.CANVAS, columns={ASSIGNMENT: "Padding (7)"})
    assert "has 10 points, and 4 in the system" in said


def test_a_name_does_not_tell_where_numbers_tell_otherwise(export):
    other = lms_class.MOODLE.replace("Emmy,Noether,102,,,e.noether@", "Emmy,Noether,777,,,other@")
    text, said, _ = export(MoodleExporter, other)
    assert rows(text)[2][5:7] == ["other@uni.edu", "-"]
    assert "'Emmy Noether, other@uni.edu'" in said


def test_an_assignment_without_a_column_gets_one(export):
    text, said, _ = export(CanvasExporter, lms_class.CANVAS.replace("Parameter Sharing", "Week 2"))
    assert "no column is parameter-sharing, so there is a new one" in said
    header, posting, points, ada, *_ = rows(text)
    assert [header[-1], posting[-1], points[-1], ada[-1]] == [ASSIGNMENT, "", "10", "10"]


def test_a_file_is_its_owners_and_counts_each_grade_once(export, course, tmp_path):
    for text in (lms_class.CANVAS, lms_class.CANVAS.replace("Parameter Sharing", "Week 2")):
        *_, path = export(CanvasExporter, text)
        assert path.stat().st_mode & 0o777 == 0o600
        roster = str(tmp_path / "roster.csv")
        exporter = CanvasExporter(roster=roster, to=str(tmp_path / "again.csv"))
        with Gradebook(f"sqlite:///{course}/gradebook.db", "cnnlesson") as gradebook:
            assert exporter.write(gradebook).graded == 3


def test_a_roster_is_not_written_over_by_another_name(course, tmp_path):
    (tmp_path / "files").mkdir()
    (tmp_path / "link").symlink_to("files")
    roster = tmp_path / "files/roster.csv"
    roster.write_text(lms_class.CANVAS, encoding="utf-8")
    exporter = CanvasExporter(roster=str(roster), to=str(tmp_path / "link/roster.csv"))
    with (
        Gradebook(f"sqlite:///{course}/gradebook.db", "cnnlesson") as gradebook,
        pytest.raises(CannotExportError, match="is the roster itself"),
    ):
        exporter.write(gradebook)
    assert roster.read_text(encoding="utf-8") == lms_class.CANVAS


def test_who_handed_nothing_in_may_get_no_points(export):
    text, _, _ = export(CanvasExporter, lms_class.CANVAS, zero_for_missing=True)
    assert rows(text)[6][-1] == "0"


def test_nbgraders_own_command_takes_them(course, run, tmp_path):
    (tmp_path / "roster.csv").write_text(lms_class.CANVAS, encoding="utf-8")
    run(
        *("nbgrader", "export", "--exporter=cnnlesson.grading.exports.CanvasExporter"),
        *(f"--CanvasExporter.roster={tmp_path}/roster.csv", f"--to={tmp_path}/out.csv"),
        cwd=course,
    )
    text = (tmp_path / "out.csv").read_text(encoding="utf-8")
    assert rows(text)[4][-1] == "5.25"


def test_without_a_file_the_gradebook_says_who_is_who(course, tmp_path):
    with Gradebook(f"sqlite:///{course}/gradebook.db", "cnnlesson") as gradebook:
        CanvasExporter(to=str(tmp_path / "out.csv")).write(gradebook)
        MoodleExporter(to=str(tmp_path / "moodle.csv")).write(gradebook)
    header, points, ada, *_ = rows((tmp_path / "out.csv").read_text(encoding="utf-8"))
    assert header == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", ASSIGNMENT]
    assert (points[-1], ada) == ("10", ["Lovelace, Ada", "101", "", "ada", "", "10"])
    header, ada, *_ = rows((tmp_path / "moodle.csv").read_text(encoding="utf-8"))
    assert (header[-1], ada[-1]) == (f"Assignment: {ASSIGNMENT} (Real)", "10")
