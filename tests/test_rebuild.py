"""Submissions are rebuilt from source/: only answers and added cells are the students'."""

import json
import shutil
from copy import deepcopy

import nbformat
import pytest
from course import ROOT, copy_course
from hypothesis import given, settings
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_raw_cell
from nbgrader.api import Gradebook
from nbgrader.apps.api import NbGraderAPI
from nbgrader.converters import Autograde, GenerateAssignment
from nbgrader.coursedir import CourseDirectory
from nbgrader.nbgraderformat import MetadataValidator
from nbgrader.utils import compute_checksum, determine_grade, is_grade, is_solution
from traitlets.config.loader import PyFileConfigLoader

from cnnlesson.grading.rebuild import MOST_CHANGES, rebuild
from cnnlesson.grading.remarks import CELL, remarks
from cnnlesson.grading.secure import SETTINGS
from cnnlesson.grading.source import reference
from cnnlesson.release import checksum, is_as_released

ASSIGNMENT = "parameter-sharing"
EXPLANATION = "explain-when-sharing-hurts"
RELEASES = sorted((ROOT / "release").glob("*/*.ipynb"))
SUBMISSIONS = sorted((ROOT / "tests/submissions").glob("*/*/*.ipynb"))
HONEST = [path for path in RELEASES + SUBMISSIONS if "deleted-grade-cell" not in path.parts]
SANITIZERS = SETTINGS[Autograde]["sanitize_preprocessors"]


def config_of(course):
    return PyFileConfigLoader("nbgrader_config.py", path=str(course)).load_config()


def directory(course):
    return CourseDirectory(root=str(course), config=config_of(course))


def trusted(assignment=ASSIGNMENT, course=ROOT):
    return reference(directory(course), assignment, assignment, config_of(course))


TRUSTED = trusted()
RELEASED = {path.stem: path.read_text(encoding="utf-8") for path in RELEASES}


def released(assignment=ASSIGNMENT):
    return nbformat.from_dict(join_lines(json.loads(RELEASED[assignment])))


def join_lines(notebook):
    for cell in notebook["cells"]:
        cell["source"] = "".join(cell["source"])
    return notebook


def known(cell):
    """Whether nbgrader knows a cell."""
    return bool(cell.metadata.get("nbgrader"))


def by_id(notebook):
    return {cell.id: cell for cell in notebook.cells}


def texts(notebook):
    return [cell.source for cell in notebook.cells]


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A course whose assignments are in the gradebook."""
    course = copy_course(tmp_path_factory.mktemp("course"), "source")
    for path in RELEASES:
        release(course, path.stem)
    return course


def release(course, assignment):
    place = directory(course)
    place.assignment_id = assignment
    GenerateAssignment(place, config=config_of(course)).start()


def sanitized(course, path, steps):
    """Take a notebook through the first half of autograding."""
    grader = Autograde(directory(course), config=config_of(course))
    exporter = grader.exporter_class(parent=grader, config=grader.config)
    for step in steps:
        exporter.register_preprocessor(step)
    names = {"student": "ada", "assignment": path.stem, "notebook": path.stem}
    resources = {"nbgrader": {**names, "db_url": grader.coursedir.db_url}}
    text, _ = exporter.from_filename(str(path), resources=resources)
    return json.loads(text)


@pytest.mark.parametrize("path", HONEST, ids=lambda path: path.parts[-3])
def test_an_honest_submission_comes_out_as_of_stock_nbgrader(course, path):
    stock = sanitized(course, path, Autograde.sanitize_preprocessors.default())
    ours = sanitized(course, path, SANITIZERS)
    assert json.dumps(ours["cells"]) == json.dumps(stock["cells"])
    assert ours["metadata"]["kernelspec"] == stock["metadata"]["kernelspec"]
    assert "cnnlesson" not in ours["metadata"]


def test_the_reference_is_what_the_gradebook_has(course):
    for path in RELEASES:
        made = trusted(path.stem, course)
        with Gradebook(f"sqlite:///{course}/gradebook.db") as gradebook:
            stored = gradebook.find_notebook(path.stem, path.stem).source_cells
            assert {cell.name: cell.source for cell in stored} == {
                name: made.notebook.cells[place].source for name, place in made.places.items()
            }


def edited_course(tmp_path, edit, **traits):
    """A course whose source is edited, and with more in its configuration."""
    course = copy_course(tmp_path)
    folder = course / "source" / ASSIGNMENT
    shutil.copytree(ROOT / "source" / ASSIGNMENT, folder)
    source = nbformat.read(folder / f"{ASSIGNMENT}.ipynb", as_version=4)
    edit(source)
    nbformat.write(source, folder / f"{ASSIGNMENT}.ipynb")
    with (course / "nbgrader_config.py").open("a") as file:
        file.writelines(f"\nc.{name} = {value!r}" for name, value in traits.items())
    return course


def test_hidden_tests_are_in_the_reference_and_no_change(tmp_path):
    hidden = "\n### BEGIN HIDDEN TESTS\nassert True\n### END HIDDEN TESTS"

    def hide(source):
        by_id(source)["one-filter"].source += hidden

    made = trusted(course=edited_course(tmp_path, hide))
    rebuilt = rebuild(released(), made)
    assert rebuilt.changes == ()
    assert by_id(rebuilt.notebook)["one-filter"].source.endswith(hidden)


def test_the_reference_follows_its_files_and_the_configuration(tmp_path):
    course = edited_course(tmp_path, lambda source: None)
    first = trusted(course=course)
    assert trusted(course=course) is first, "made twice in one batch"
    header = new_notebook(cells=[new_markdown_cell("# Our university")])
    nbformat.write(header, course / "header.ipynb")
    with (course / "nbgrader_config.py").open("a") as file:
        file.write('\nc.IncludeHeaderFooter.header = "header.ipynb"')
    assert texts(trusted(course=course).notebook) == ["# Our university", *texts(first.notebook)]
    header.cells[0].source = "# Another university"
    nbformat.write(header, course / "header.ipynb")
    assert texts(trusted(course=course).notebook)[0] == "# Another university"
    path = course / f"source/{ASSIGNMENT}/{ASSIGNMENT}.ipynb"
    source = nbformat.read(path, as_version=4)
    source.cells = source.cells[:3]
    nbformat.write(source, path)
    assert len(trusted(course=course).notebook.cells) == 4


def test_without_a_source_it_says_what_to_do(tmp_path):
    with pytest.raises(LookupError, match=r"parameter-sharing\.ipynb is missing.* put it back"):
        trusted(course=copy_course(tmp_path))
    path = tmp_path / "source" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
    path.parent.mkdir(parents=True)
    path.write_text("no JSON")
    with pytest.raises(ValueError, match=r"parameter-sharing\.ipynb is no notebook: "):
        trusted(course=tmp_path)


def test_a_source_that_is_not_what_the_gradebook_has_is_refused(course, tmp_path):
    course = shutil.copytree(course, tmp_path / "course")
    (submission,) = (path for path in SUBMISSIONS if "all-right" in path.parts)
    folder = course / "source" / ASSIGNMENT
    source = nbformat.read(folder / submission.name, as_version=4)
    by_id(source)["one-filter"].metadata.nbgrader.points = 100
    nbformat.write(source, folder / submission.name)
    with pytest.raises(ValueError, match=r"cells differ: one-filter\. Run `nbgrader generate_as"):
        sanitized(course, submission, SANITIZERS)
    release(course, ASSIGNMENT)
    sanitized(course, submission, SANITIZERS)
    shutil.copytree(folder, course / "source/other")
    (course / "source/other" / submission.name).rename(course / "source/other/other.ipynb")
    renamed = shutil.copy(submission, tmp_path / "other.ipynb")
    with pytest.raises(LookupError, match=r"no notebook 'other' .* run `nbgrader generate_as"):
        sanitized(course, renamed, SANITIZERS)


# --- What students do, one thing at a time ----------------------------------------------------


def place_of(notebook, cell_id):
    return [cell.id for cell in notebook.cells].index(cell_id)


def delete(notebook, *ids):
    notebook.cells = [cell for cell in notebook.cells if cell.id not in ids]


def copy_behind(notebook, cell_id, behind, source=None):
    """Copy a cell as JupyterLab does: all but its id."""
    copied = deepcopy(by_id(notebook)[cell_id])
    copied.id = "a-copy"
    copied.source = copied.source if source is None else source
    notebook.cells.insert(place_of(notebook, behind) + 1, copied)


def answer(notebook, source="filter_weights = 192", question="one-filter"):
    by_id(notebook)[f"{question}-answer"].source = source


def rebuilt_after(*edits):
    notebook = released()
    for edit in edits:
        edit(notebook)
    return rebuild(notebook, TRUSTED)


def ids(rebuilt):
    return [cell.id for cell in rebuilt.notebook.cells]


@pytest.mark.parametrize("cell_id", ["intro", "begin", "one-filter-prompt", "one-filter"])
def test_a_deleted_cell_comes_back_at_its_place(cell_id):
    rebuilt = rebuilt_after(answer, lambda notebook: delete(notebook, cell_id))
    assert ids(rebuilt) == ids(rebuilt_after())
    assert by_id(rebuilt.notebook)[cell_id] == by_id(TRUSTED.notebook)[cell_id]
    (told,) = rebuilt.changes
    assert told.startswith(f"The cell “{cell_id}” (under “")
    assert told.endswith(") was missing; it is back.")


def test_a_deleted_answer_comes_back_without_an_answer_and_before_what_replaces_it():
    def write_elsewhere(notebook):
        notebook.cells.insert(
            place_of(notebook, "one-filter"), new_code_cell("filter_weights = 192", id="own")
        )
        delete(notebook, "one-filter-answer", "one-filter")

    rebuilt = rebuilt_after(write_elsewhere)
    at = place_of(rebuilt.notebook, "one-filter-answer")
    cells = rebuilt.notebook.cells[at : at + 3]
    assert cells[0].source == by_id(released())["one-filter-answer"].source
    assert [cells[1].source, cells[2].id] == ["filter_weights = 192", "one-filter"]
    assert len(rebuilt.changes) == 2


def test_what_nbgrader_does_not_know_is_the_students():
    def use(notebook):
        by_id(notebook)["student"].source = 'student_id = "ada"'
        by_id(notebook)["student"].metadata = {"collapsed": True}

    rebuilt = rebuilt_after(use)
    assert by_id(rebuilt.notebook)["student"].source == 'student_id = "ada"'
    assert by_id(rebuilt.notebook)["student"].metadata == {}
    assert "student" not in ids(rebuilt_after(lambda notebook: delete(notebook, "student")))
    assert rebuilt.changes == ()


def test_a_cell_to_try_things_keeps_its_own_metadata_and_the_students_text():
    notebook = released("conv-layer")
    cell = by_id(notebook)["implement-output-size-try"]
    cell.source, cell.metadata = "output_size(7, 3, 2, 0)", {}
    cell = by_id(rebuild(notebook, trusted("conv-layer")).notebook)["implement-output-size-try"]
    assert cell.source == "output_size(7, 3, 2, 0)"
    assert cell.metadata == {"tags": ["raises-exception"]}


def test_a_begin_that_was_deleted_comes_back_behind_the_students_id():
    rebuilt = rebuilt_after(lambda notebook: delete(notebook, "begin"))
    assert ids(rebuilt)[:3] == ["intro", "student", "begin"]


@pytest.mark.parametrize("source", ["check('one-filter', 192)", "", "pass  # no check"])
def test_a_changed_check_is_as_released(source):
    def change(notebook):
        by_id(notebook)["one-filter"].source = source

    rebuilt = rebuilt_after(change)
    assert rebuilt.notebook == rebuilt_after().notebook
    (told,) = rebuilt.changes
    assert told.endswith("had been changed; it is as released again.")


def test_a_moved_cell_returns_and_what_followed_it_with_it():
    def move(notebook):
        at = place_of(notebook, "one-filter")
        notebook.cells[at + 1 : at + 1] = [new_code_cell("own")]
        moved, own = notebook.cells[at : at + 2]
        notebook.cells = [cell for cell in notebook.cells if cell not in (moved, own)]
        notebook.cells += [moved, own]

    rebuilt = rebuilt_after(move)
    assert [each for each in ids(rebuilt) if each != "added-1"] == ids(rebuilt_after())
    assert ids(rebuilt).index("added-1") == ids(rebuilt).index("one-filter") + 1
    (told,) = rebuilt.changes
    assert told.startswith("The cell “one-filter” (under")
    assert told.endswith("had been moved; it is back in its place.")


def test_a_copied_check_goes():
    rebuilt = rebuilt_after(lambda notebook: copy_behind(notebook, "one-filter", "intro"))
    assert rebuilt.notebook == rebuilt_after().notebook
    assert "was there 2 times; it counts once." in rebuilt.changes[0]


def test_an_answer_split_in_two_runs_as_it_did():
    def split(notebook):
        answer(notebook, "a = 8 * 8")
        copy_behind(
            notebook, "one-filter-answer", "one-filter-answer", source="filter_weights = a * 3"
        )

    rebuilt = rebuilt_after(split)
    at = place_of(rebuilt.notebook, "one-filter-answer")
    assert texts(rebuilt.notebook)[at : at + 2] == ["a = 8 * 8", "filter_weights = a * 3"]
    assert rebuilt.notebook.cells[at + 1].metadata == {}
    assert "was there 2 times; the first that differs" in rebuilt.changes[0]


def test_the_copy_with_an_answer_is_the_answer():
    rebuilt = rebuilt_after(
        lambda notebook: copy_behind(notebook, EXPLANATION, EXPLANATION, "It depends."),
    )
    assert ids(rebuilt) == ids(rebuilt_after())
    assert by_id(rebuilt.notebook)[EXPLANATION].source == "It depends."


def test_an_answer_without_its_metadata_is_found_by_its_id():
    def strip(notebook):
        answer(notebook)
        for cell in notebook.cells:
            cell.metadata = {}

    rebuilt = rebuilt_after(strip)
    assert rebuilt.notebook == rebuilt_after(answer).notebook
    assert rebuilt.changes == ()


def test_without_ids_and_metadata_cells_are_found_by_their_text():
    def strip(notebook):
        answer(notebook)
        for cell in notebook.cells:
            cell.metadata = {}
            del cell["id"]

    rebuilt = rebuilt_after(strip)
    at = place_of(rebuilt.notebook, "one-filter")
    assert texts(rebuilt.notebook)[at - 1] == "filter_weights = 192"
    assert len(rebuilt.notebook.cells) == len(released().cells) + 1
    assert len(rebuilt.changes) == 1


def test_a_changed_type_is_changed_back_and_the_answer_kept():
    def change(notebook):
        at = place_of(notebook, "one-filter-answer")
        cell = notebook.cells[at]
        notebook.cells[at] = new_markdown_cell("filter_weights = 192", metadata=cell.metadata)

    rebuilt = rebuilt_after(change)
    assert rebuilt.notebook == rebuilt_after(answer).notebook
    assert "had become a markdown cell; it is a code cell again." in rebuilt.changes[0]


def test_settings_are_as_released_whatever_they_became():
    def change(notebook):
        for cell in notebook.cells:
            cell.metadata["tags"] = ["skip-execution"]
            if is_grade(cell):
                cell.metadata.nbgrader |= {"points": 100, "checksum": "0" * 32}
        notebook.metadata.kernelspec = {"name": "bash", "display_name": "Bash"}
        notebook.metadata.language_info = {"name": "bash"}
        notebook.metadata["cnnlesson"] = {"remarks": ["Full marks."]}

    rebuilt = rebuilt_after(change)
    assert rebuilt.notebook == rebuilt_after().notebook
    of_tags, told = rebuilt.changes
    assert of_tags.startswith("The tag “skip-execution” of one of your cells was left out")
    others = sum(map(known, TRUSTED.notebook.cells)) - 1
    assert "The settings (tags, points and the like) of the cell “intro”" in told
    assert f" and of {others} other cells had been changed; they are as released again." in told


def test_added_cells_stay_without_metadata():
    nbgrader = {"grade": True, "grade_id": "mine", "points": 9, "solution": False, "locked": True}
    own = [
        new_code_cell("1", id="begin", metadata={"tags": ["x"]}, outputs=[], execution_count=7),
        new_markdown_cell("# Notes", metadata={"nbgrader": {**nbgrader, "schema_version": 3}}),
        new_raw_cell("<script>``</script>", metadata={"raw_mimetype": "text/html"}),
    ]
    own[0].id = "mine"
    rebuilt = rebuilt_after(lambda notebook: notebook.cells.extend(own))
    added = rebuilt.notebook.cells[-3:]
    assert [cell.cell_type for cell in added] == ["code", "markdown", "markdown"]
    assert [cell.id for cell in added] == ["added-1", "added-2", "added-3"]
    assert all(cell.metadata == {} for cell in added)
    assert added[0].execution_count is None
    assert texts(rebuilt.notebook)[-3:] == ["1", "# Notes", "```\n<script>``</script>\n```"]
    assert any("no cell “mine”" in change for change in rebuilt.changes)
    assert any("The tag “x” of one of your cells" in change for change in rebuilt.changes)


def test_only_pictures_stay_attached():
    picture = {"drawing.png": {"image/png": "iVBORw0KGgo="}}
    attached = {
        "drawing.png": {"image/png": "iVBORw0KGgo=", "text/html": "<script>"},
        "drawing.svg": {"image/svg+xml": "<svg/>"},
        "odd.png": {"image/png": '" onerror="alert(1)'},
    }

    def attach(files, to=EXPLANATION):
        def edit(notebook):
            cell = by_id(notebook)[to]
            cell.attachments = files
            if to == EXPLANATION:
                cell.source = "![](attachment:drawing.png)"

        return edit

    rebuilt = rebuilt_after(attach(attached))
    assert by_id(rebuilt.notebook)[EXPLANATION].attachments == picture
    (told,) = rebuilt.changes
    assert told.startswith("What is attached to one of your cells was left out, but for pictures")
    assert rebuilt_after(attach(picture)).changes == ()
    rebuilt = rebuilt_after(attach(picture, to="intro"))
    assert "attachments" not in by_id(rebuilt.notebook)["intro"]
    (told,) = rebuilt.changes
    assert told.startswith("The cell “intro” (under ")
    assert told.endswith("had been changed; it is as released again.")
    rebuilt = rebuilt_after(attach(picture, to="one-filter-answer"))  # which is code
    assert rebuilt.changes[0].startswith("What is attached to one of your cells was left out")


def test_what_the_course_attaches_is_no_change(tmp_path):
    drawing = {"plan.svg": {"image/svg+xml": "<svg/>"}}

    def attach(notebook):
        by_id(notebook)["intro"].attachments = drawing
        notebook.cells.append(new_markdown_cell("![](attachment:plan.svg)", id="scribble"))
        notebook.cells[-1].attachments = drawing

    notebook = released()
    attach(notebook)
    rebuilt = rebuild(notebook, trusted(course=edited_course(tmp_path, attach)))
    assert rebuilt.changes == ()
    cells = by_id(rebuilt.notebook)
    assert cells["intro"].attachments == cells["scribble"].attachments == drawing


# --- Another release --------------------------------------------------------------------------


@pytest.mark.parametrize("assignment", RELEASED)
def test_checksums_are_nbgraders_own(assignment):
    own = released(assignment)
    marked = [cell for cell in own.cells if "nbgrader" in cell.metadata]
    assert marked
    for cell in marked:
        assert checksum(cell, cell.source) == compute_checksum(cell)
        assert is_as_released(cell, cell.source)
        assert not is_as_released(cell, f"{cell.source} ")
    made = trusted(assignment).checksums
    assert made == {cell.metadata.nbgrader.grade_id: compute_checksum(cell) for cell in marked}


def after_a_new_release(tmp_path, edit, *edits):
    """Rebuild what was made of today's release when the source has been edited."""
    notebook = released()
    for each in edits:
        each(notebook)
    return rebuild(notebook, trusted(course=edited_course(tmp_path, edit)))


def test_a_notebook_from_another_release_is_explained_and_nobody_accused(tmp_path):
    def ask_otherwise(source):
        cells = by_id(source)
        cells["one-filter-prompt"].source += "\n\nLook well."
        cells["parameter-sharing"].metadata.nbgrader.points = 5
        cells["sharing-ratio-answer"].source = "times = ...\n### BEGIN SOLUTION\n### END SOLUTION"
        cells[EXPLANATION].metadata.nbgrader.points = 4

    def respond(notebook):
        by_id(notebook)[EXPLANATION].source = "It depends."

    rebuilt = after_a_new_release(tmp_path, ask_otherwise, answer, respond)
    (told,) = rebuilt.changes
    assert told.startswith("This notebook was made from another release of the assignment than")
    for name in ("one-filter-prompt", "parameter-sharing", "sharing-ratio-answer"):
        assert f"“{name}”" in told
    cells = by_id(rebuilt.notebook)
    assert cells["one-filter-prompt"].source.endswith("Look well.")
    assert cells["parameter-sharing"].metadata.nbgrader.points == 5
    assert cells["sharing-ratio-answer"].source == "times = ...\n# YOUR CODE HERE"  # not answered
    assert cells["one-filter-answer"].source == "filter_weights = 192"
    assert determine_grade(cells[EXPLANATION]) == (None, 4)


def test_what_a_student_changed_is_told_as_before_in_another_release(tmp_path):
    def ask_otherwise(source):
        by_id(source)["intro"].source += "\n\nLook well."

    def change(notebook):
        by_id(notebook)["one-filter"].source = "True"

    first, second = after_a_new_release(tmp_path, ask_otherwise, change).changes
    assert "“intro”" in first
    assert "“one-filter”" not in first
    assert second.startswith("The cell “one-filter” (under ")


@pytest.mark.parametrize("also", [False, True])
def test_a_question_that_another_release_lacks_is_told_with_why(tmp_path, also):
    def ask_more(source):
        at = place_of(source, EXPLANATION)
        for kind in ("prompt", "answer", None):
            name = "-".join(filter(None, ("one-more", kind)))
            cell = deepcopy(by_id(source)[name.replace("one-more", "one-filter")])
            cell.id = cell.metadata.nbgrader.grade_id = name
            source.cells.insert(at, cell)
            at += 1
        if also:
            by_id(source)["intro"].source += " One more."

    changes = after_a_new_release(tmp_path, ask_more).changes
    missing = [each for each in changes if " was missing; it is back" in each]
    assert len(missing) == 3
    if also:
        assert changes[0].startswith("This notebook was made from another release")
    else:
        assert changes[-1].startswith("If you did not delete the cells that were missing, you")
    assert len(changes) == 4


def test_a_question_that_is_no_more_is_told_with_why(tmp_path):
    def ask_less(source):
        delete(source, "one-filter-prompt", "one-filter-card", "one-filter-answer", "one-filter")

    told = after_a_new_release(tmp_path, ask_less, answer).changes
    assert told[0].startswith("This notebook was made from another release of the assignment")
    assert "“one-filter-prompt”, “one-filter-card”, “one-filter”. Your answers" in told[0]
    assert len(told) == 5
    assert all("This assignment has no cell “one-filter" in each for each in told[1:])


# --- What gets no points ----------------------------------------------------------------------


def test_no_response_is_no_points_as_in_stock_and_any_response_is_read():
    def grade(rebuilt):
        return determine_grade(by_id(rebuilt.notebook)[EXPLANATION])

    assert grade(rebuilt_after()) == (0, 3)
    assert grade(rebuilt_after(lambda notebook: delete(notebook, EXPLANATION))) == (0, 3)

    def forge(notebook):
        by_id(notebook)[EXPLANATION].metadata.nbgrader.checksum = "0" * 32

    assert grade(rebuilt_after(forge)) == (0, 3)

    def explain(notebook):
        by_id(notebook)[EXPLANATION].source = "It depends."

    assert grade(rebuilt_after(explain)) == (None, 3)
    assert grade(rebuilt_after(explain, forge)) == (None, 3)


def test_a_tale_of_many_changes_is_cut_short():
    rebuilt = rebuilt_after(lambda notebook: notebook.cells.clear())
    assert len(rebuilt.changes) == MOST_CHANGES + 1
    assert rebuilt.changes[-1].endswith("other changes were made.")


# --- What students do, all at once ------------------------------------------------------------


@st.composite
def tampered(draw):
    """A release after a few edits, and the texts that the student typed, in order."""
    notebook = released()
    for number in range(draw(st.integers(0, 8))):
        at = draw(st.integers(0, len(notebook.cells) - 1))
        cell = notebook.cells[at]
        match draw(st.sampled_from(EDITS)):
            case "add":
                new = draw(st.sampled_from([new_code_cell, new_markdown_cell]))
                notebook.cells.insert(at, new(f"typed {number}", metadata={"tags": ["x"]}))
            case "type":
                cell.source = f"typed {number}"
            case "delete":
                del notebook.cells[at]
            case "copy":
                notebook.cells.insert(draw(st.integers(0, at)), deepcopy(cell))
            case "move":
                notebook.cells.insert(draw(st.integers(0, at)), notebook.cells.pop(at))
            case "strip":
                cell.metadata = {}
            case "rename":
                cell.pop("id", None)
            case "swap":
                other = draw(st.sampled_from(notebook.cells))
                cell.metadata = deepcopy(other.metadata)
            case "raw":
                notebook.cells[at] = new_raw_cell(cell.source, metadata=cell.metadata)
            case "settings":
                cell.metadata["nbgrader"] = {"grade_id": draw(st.text(max_size=3)), "grade": 1}
    return notebook


EDITS = ["add", "type", "delete", "copy", "move", "strip", "rename", "swap", "raw", "settings"]
METADATA = {cell.id: cell.metadata for cell in TRUSTED.notebook.cells}


def assert_trusted(rebuilt):
    """Whatever came in, what grades is from source/, and the notebook is in order."""
    notebook = rebuilt.notebook
    nbformat.validate(notebook)
    MetadataValidator().validate_nb(notebook)
    assert notebook.metadata == TRUSTED.notebook.metadata
    kept = [cell for cell in notebook.cells if known(cell)]
    wanted = [cell for cell in TRUSTED.notebook.cells if known(cell)]
    assert [cell.id for cell in kept] == [cell.id for cell in wanted]
    for ours, theirs in zip(kept, wanted, strict=True):
        assert is_solution(ours) or ours == theirs
        assert ours.cell_type == theirs.cell_type
    for cell in notebook.cells:
        assert cell.metadata == METADATA.get(cell.id, {})
        assert cell.get("outputs", []) == []


@given(tampered())
@settings(max_examples=60)
def test_whatever_was_changed_what_grades_is_from_source(notebook):
    before = deepcopy(notebook)
    rebuilt = rebuild(notebook, TRUSTED)
    assert notebook == before, "the submission was changed"
    assert_trusted(rebuilt)
    assert len(rebuilt.changes) <= MOST_CHANGES + 1
    again = rebuild(rebuilt.notebook, TRUSTED)
    assert texts(again.notebook) == texts(rebuilt.notebook)
    assert again.changes == ()


@given(tampered())
def test_what_a_student_typed_into_cells_of_their_own_is_kept(notebook):
    locked = {cell.id for cell in TRUSTED.notebook.cells if known(cell) and not is_solution(cell)}
    own = [
        cell.source
        for cell in notebook.cells
        if cell.source.startswith("typed")
        and cell.metadata.get("nbgrader", {}).get("grade_id") not in locked
        and cell.get("id") not in locked
    ]
    kept = "\n".join(texts(rebuild(notebook, TRUSTED).notebook))
    assert all(text in kept for text in own)


places = st.lists(st.integers(0, len(released().cells)), max_size=5)


@given(places, st.sets(st.sampled_from([cell.id for cell in released().cells if known(cell)])))
def test_added_cells_run_in_the_order_in_which_they_stood(added, deleted):
    notebook = released()
    for number, at in enumerate(sorted(added, reverse=True)):
        notebook.cells.insert(at, new_code_cell(f"typed {number}"))
    delete(notebook, *deleted)
    order = [text for text in texts(notebook) if text.startswith("typed")]
    rebuilt = rebuild(notebook, TRUSTED).notebook
    assert [text for text in texts(rebuilt) if text.startswith("typed")] == order


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
odd_cells = st.fixed_dictionaries(
    {},
    optional={
        "cell_type": st.sampled_from(["code", "markdown", "raw", "odd"]) | json_values,
        "id": st.sampled_from(["one-filter", "student", "added-1", CELL]) | json_values,
        "source": st.text(alphabet="a\ud800\0\n") | json_values,
        "attachments": json_values | st.dictionaries(st.text(), json_values),
        "metadata": json_values
        | st.fixed_dictionaries(
            {
                "nbgrader": json_values
                | st.fixed_dictionaries(
                    {"grade_id": st.sampled_from(["one-filter", EXPLANATION]) | json_values}
                )
            }
        ),
    },
)


@given(json_values | st.fixed_dictionaries({"cells": st.lists(odd_cells | json_values)}))
@settings(max_examples=60)
def test_a_notebook_of_any_content_is_rebuilt(submitted):
    rebuilt = rebuild(submitted, TRUSTED)
    assert_trusted(rebuilt)
    nbformat.writes(rebuilt.notebook).encode()


# --- Through nbgrader -------------------------------------------------------------------------


def hand_in(course, student, *edits):
    """Hand in the instructor's answers, after a few edits."""
    notebook = released()
    solutions = by_id(
        nbformat.read(course / f"source/{ASSIGNMENT}/{ASSIGNMENT}.ipynb", as_version=4)
    )
    for cell in notebook.cells:
        if is_solution(cell) and not is_grade(cell):
            cell.source = solutions[cell.id].source
    for edit in edits:
        edit(notebook)
    folder = course / "submitted" / student / ASSIGNMENT
    folder.mkdir(parents=True)
    nbformat.write(notebook, folder / f"{ASSIGNMENT}.ipynb")


def tamper(notebook):
    """Delete an answer, a check and the begin, change, copy and move checks, and forge the rest."""
    delete(notebook, "begin", "a-cat-moves-answer", "larger-image")
    cells = by_id(notebook)
    cells["what-is-shared"].source = "1.0"
    cells["one-filter"].metadata["tags"] = ["skip-execution"]
    cells["one-filter"].metadata.nbgrader.points = 100
    copy_behind(notebook, "sharing-ratio", "intro")
    notebook.cells.append(notebook.cells.pop(place_of(notebook, "parameter-sharing")))
    mark = {"grade_id": "<script>alert(1)</script>", "grade": True, "points": 50}
    notebook.cells.append(new_code_cell("50.0", metadata={"nbgrader": mark}))


@pytest.mark.nbgrader
def test_a_tampered_submission_gets_what_it_deserves_and_is_told(course, run, tmp_path):
    course = shutil.copytree(course, tmp_path / "course")
    hand_in(course, "honest")
    hand_in(course, "tampered", tamper)
    run("nbgrader", "autograde", ASSIGNMENT, cwd=course)
    run("nbgrader", "generate_feedback", ASSIGNMENT, "--student", "tampered", cwd=course)
    hand_in(course, "later", tamper)
    config = config_of(course)
    formgrader = NbGraderAPI(directory(course), config=config)  # as its button does
    assert formgrader.autograde(ASSIGNMENT, "later")["success"]
    with Gradebook(f"sqlite:///{course}/gradebook.db") as gradebook:
        scores = {
            student: {
                grade.name: (grade.auto_score, grade.max_score)
                for grade in gradebook.find_submission(ASSIGNMENT, student).notebooks[0].grades
            }
            for student in ("honest", "tampered", "later")
        }
    assert scores["tampered"].pop("a-cat-moves") == (0, 1)  # whose answer was deleted
    assert scores["honest"].pop("a-cat-moves") == (1, 1)
    assert scores["tampered"] == scores["honest"]
    assert scores["honest"].pop(EXPLANATION) == (0, 3)  # which nobody wrote
    assert all(score == most for score, most in scores["honest"].values())
    assert scores["later"] == scores["tampered"] | {"a-cat-moves": (0, 1)}
    page = (course / f"feedback/tampered/{ASSIGNMENT}/{ASSIGNMENT}.html").read_text("utf-8")
    assert "It could not be graded just as it was handed in." in page
    assert "The answer cell “a-cat-moves-answer”" in page
    assert "<script>alert(1)" not in page
    graded = nbformat.read(course / f"autograded/tampered/{ASSIGNMENT}/{ASSIGNMENT}.ipynb", 4)
    assert graded.cells[0].id == CELL
    assert len(remarks(graded)) > 5
    honest = nbformat.read(course / f"autograded/honest/{ASSIGNMENT}/{ASSIGNMENT}.ipynb", 4)
    assert honest.cells[0].id == "intro"
