"""What slips through `nbgrader generate_assignment`, and shows once students have the release.

It reads a notebook of source/ beside what students get of it, and runs nothing.
"""

import ast
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from cnnlesson.grading.bank import Bank, slip_of
from cnnlesson.grading.nodes import NotebookNode, is_grade, is_task
from cnnlesson.grading.rebuild import grade_id_of


class Slip(NamedTuple):
    """Something to mend in source/.

    Attributes:
        where: which notebook, and which cell of it.
        wrong: what is wrong, as a part of a sentence.
        mend: what to do.
        stops: whether nothing can be graded until then.
    """

    where: str
    wrong: str
    mend: str
    stops: bool = False


def slips(
    assignment: str,
    notebooks: Mapping[str, tuple[NotebookNode, NotebookNode]],
    bank: Bank | None,
) -> Iterator[Slip]:
    """Find what is wrong with an assignment, though nbgrader makes a release of it.

    Args:
        assignment: its name.
        notebooks: by name, each as it stands in source/, and as nbgrader keeps it for release/.
        bank: the course's questions, if it has any.
    """
    graded = False
    for name, (source, made) in notebooks.items():
        where = f"source/{assignment}/{name}.ipynb"
        if not source.cells:
            yield Slip(where, "it has no cells", "open it, write and save it")
        for place, cell in enumerate(source.cells):
            graded = graded or is_grade(cell) or is_task(cell)
            if cell.cell_type == "code":
                named = f" ({grade_id_of(cell)})" if grade_id_of(cell) else ""
                of_cell = _slips_of_cell(assignment, source.cells[: place + 1], made, bank)
                for slip in of_cell:
                    yield slip._replace(where=f"{where}, cell {place + 1}{named}")
    if not graded:
        yield Slip(
            f"source/{assignment}",
            "no cell of it is graded, so nobody can earn a point",
            "choose Autograded tests or Manually graded answer, and points, in Create Assignment",
        )


def _slips_of_cell(
    assignment: str, cells: Sequence[NotebookNode], made: NotebookNode, bank: Bank | None
) -> Iterator[Slip]:
    """What is wrong with the last one of these cells."""
    if bank is None:
        return
    *before, cell = cells
    asked, doubt = None, ""
    try:
        asked = bank.question(grade_id_of(cell), cell.source)
    except ValueError as error:
        doubt = str(error)
    wrong = slip_of(bank, assignment, cell.source)
    cannot_be_judged = bool(doubt) and is_grade(cell)
    if wrong or cannot_be_judged:
        yield Slip("", wrong or doubt, "change the cell", stops=cannot_be_judged)
    if not is_grade(cell) and (asked or doubt):
        yield Slip(
            "",
            "it checks an answer, and is not graded",
            "choose the type Autograded tests, an ID and points for it in Create Assignment",
        )
    given_away = {each.source for each in made.cells}
    for name in _checked(cell.source) if asked else ():
        solution = next((each for each in reversed(before) if _gives(each, name)), None)
        if solution is not None and solution.source in given_away:
            yield Slip(
                "",
                f"students get all of the cell that gives {name} its value, the answer too",
                "choose the type Autograded answer for that cell, and put what they must not see "
                "between the markers BEGIN SOLUTION and END SOLUTION, as the other cells have them",
            )


def _checked(source: str) -> list[str]:
    """The variables that a grade cell hands over."""
    calls = (each for each in ast.walk(ast.parse(source)) if isinstance(each, ast.Call))
    return [each.id for call in calls for each in call.args if isinstance(each, ast.Name)]


def _gives(cell: NotebookNode, name: str) -> bool:
    """Whether a cell gives a variable a value, other than three dots to be replaced."""
    if cell.cell_type != "code":
        return False
    try:
        statements = ast.parse(cell.source).body
    except (SyntaxError, ValueError):
        return False  # as IPython's own notation is
    for statement in statements:
        match statement:
            case ast.Assign(value=ast.Constant(value=value)) if value is ...:
                continue
            case ast.Assign(targets=targets):
                named = [each for target in targets for each in ast.walk(target)]
                if any(isinstance(each, ast.Name) and each.id == name for each in named):
                    return True
            case ast.FunctionDef(name=defined) if defined == name:
                return True
    return False
