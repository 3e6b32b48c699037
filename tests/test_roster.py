"""`cnnlesson roster`: students into the gradebook, all of a file or none of it."""

import lms_class
import pytest
from course import copy_course
from nbgrader.api import Gradebook, Student

from cnnlesson.grading.roster import BadRosterError, put_into, read_roster
from cnnlesson.grading.sheets import NotATableError


@pytest.fixture
def file(tmp_path):
    def file(text, encoding="utf-8"):
        path = tmp_path / "students.csv"
        path.write_text(text, encoding=encoding)
        return path

    return file


@pytest.fixture(scope="module")
def gradebook(tmp_path_factory):
    with Gradebook(f"sqlite:///{tmp_path_factory.mktemp('gradebook')}/gradebook.db") as gradebook:
        yield gradebook


@pytest.fixture(autouse=True)
def _no_students(gradebook):
    gradebook.db.query(Student).delete()
    gradebook.db.commit()


def stored(gradebook):
    gradebook.db.expire_all()
    return {
        each.id: (each.first_name, each.last_name, each.email, each.lms_user_id)
        for each in gradebook.students
    }


def test_students_are_added_updated_and_left_alone(file, gradebook):
    first = "id,first_name,last_name,email,lms_user_id\nada,Ada,Lovelace,,101\nemmy,,,,\nkurt,,,,\n"
    done = put_into(gradebook, read_roster(file(first)))
    assert (done.added, done.updated, done.unchanged) == (["ada", "emmy", "kurt"], [], [])
    again = "ID;Email;Shoe size\nada;ada@uni.edu;38\nemmy;;36\nzoë;;37\n"
    roster = read_roster(file(again))
    done = put_into(gradebook, roster)
    assert (done.added, done.updated, done.unchanged) == (["zoë"], ["ada"], ["emmy"])
    assert done.not_listed == ["kurt"]
    assert roster.ignored == ["Shoe size"]
    assert stored(gradebook)["ada"] == ("Ada", "Lovelace", "ada@uni.edu", "101")
    assert {*stored(gradebook)} == {"ada", "emmy", "kurt", "zoë"}


def test_all_bad_rows_are_listed_with_their_lines(file):
    rows = [
        "id,first_name,lms_user_id",
        "ada,Ada,1",
        ",Nobody,2",
        "../etc,Eve,3",
        "ADA,Ada again,4",
        "emmy,Emmy,1",
        f"long,{'x' * 129},5",
        "bell,\aBell,6",
        "many,a,7,cells",
    ]
    with pytest.raises(BadRosterError) as bad:
        read_roster(file("\n".join(rows)))
    problems = bad.value.problems
    assert [each.split(":")[0] for each in problems] == [f"line {line}" for line in range(3, 10)]
    told = ["there is no id", "cannot be a student's id", "is in line 2, too", "is in line 2, too"]
    told += ["has 129 characters", "cannot be seen", "it has 4 cells, and the first line 3"]
    assert all(words in each for words, each in zip(told, problems, strict=True))


def test_an_id_in_another_case_is_no_new_student(file, gradebook):
    put_into(gradebook, read_roster(file("id\nada\n")))
    with pytest.raises(BadRosterError, match="line 3: the gradebook has 'ada', which differs"):
        put_into(gradebook, read_roster(file("id\nemmy\nAda\n")))
    assert {*stored(gradebook)} == {"ada"}


def test_the_number_of_somebody_else_is_refused(file, gradebook):
    put_into(gradebook, read_roster(file("id,lms_user_id\nada,1\nemmy,2\n")))
    with pytest.raises(BadRosterError, match="line 2: its lms_user_id '1' is that of 'ada'"):
        put_into(gradebook, read_roster(file("id,lms_user_id\ngrace,1\n")))
    put_into(gradebook, read_roster(file("id,lms_user_id\nada,2\nemmy,1\n")))
    assert {each: told[3] for each, told in stored(gradebook).items()} == {"ada": "2", "emmy": "1"}


def test_nothing_is_half_done(file, gradebook, monkeypatch):
    put_into(gradebook, read_roster(file("id,email\nada,old\n")))

    def commit():
        gradebook.db.flush()
        raise OSError("the disk is full")

    monkeypatch.setattr(gradebook.db, "commit", commit)
    with pytest.raises(OSError, match="full"):
        put_into(gradebook, read_roster(file("id,email\nada,new\nemmy,new\n")))
    assert stored(gradebook) == {"ada": (None, None, "old", None)}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("id,first_name\n", "lists no students"),
        ("name,email\nAda,a@b\n", "has no column 'id', but 'name', 'email'"),
        ("", "is empty"),
    ],
)
def test_what_is_no_roster_is_refused(file, text, sentence):
    with pytest.raises(NotATableError) as refusal:
        read_roster(file(text))
    assert sentence in str(refusal.value)


@pytest.mark.nbgrader
def test_the_command_does_all_or_nothing_and_says_so(file, tmp_path, run):
    course = copy_course(tmp_path)
    path = file("id,first_name\nada,Ada\n<b>,Eve\n")
    said = run("cnnlesson", "roster", path, cwd=course, check=False)
    assert "was not used, and nothing was changed:\n  line 3: '?b?' cannot be" in said
    assert not (course / "gradebook.db").exists()
    (course / "gradebook.db").write_text("no database")
    said = run("cnnlesson", "roster", file("id\nada\n"), cwd=course, check=False)
    assert said.startswith("Error: the gradebook cannot be used now: "), said
    (course / "gradebook.db").unlink()
    said = run("cnnlesson", "roster", file("id\nada\n"), cwd=course)
    assert said == "1 students added, 0 updated, 0 unchanged.\n"


def test_a_table_of_ones_own_may_have_sections(file):
    roster = read_roster(file("id,first_name,last_name,section\nada,Ada,Lovelace,A\n"))
    assert [each.id for each in roster.entries] == ["ada"]
    assert roster.ignored == ["section"]


def test_what_canvas_and_moodle_export_will_do(file, gradebook):
    put_into(gradebook, read_roster(file(lms_class.CANVAS)))
    assert stored(gradebook)["e.noether"] == ("Emmy", "Noether", "e.noether@uni.edu", "102")
    assert {*stored(gradebook)} == {"ada", "e.noether", "grace", "kurt", "eve"}
    done = put_into(gradebook, read_roster(file(lms_class.MOODLE)))
    assert (done.added, done.unchanged) == ([], ["ada", "e.noether", "grace"])
    assert done.not_listed == ["kurt"]
