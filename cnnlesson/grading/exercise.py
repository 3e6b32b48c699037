"""An assignment as its notebooks have it: what earns points, and how the instructor solves it."""

import ast
import builtins
import json
import symtable
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from cnnlesson.quiz import bank
from cnnlesson.quiz.questions import Question
from cnnlesson.settings import near

_MARKERS = tuple(f"### {end} SOLUTION" for end in ("BEGIN", "END"))


@dataclass(frozen=True)
class Cell:
    """A cell of the release that earns points.

    Attributes:
        id: the question's id, or the explanation's.
        points: the points to be had.
        answer: where the answer goes, by its place in the release.
        grade: where the points are given, likewise.
        name: of the variable that holds the answer; empty for an explanation.
        code: the instructor's solution, and what is released around it.
        needs: the earlier questions whose solutions the solution needs, by place, in order.
    """

    id: str
    points: float
    answer: int
    grade: int
    name: str = ""
    code: str = ""
    needs: tuple[int, ...] = ()

    @property
    def question(self) -> Question:
        """The question, for what `check` judges."""
        return bank.find(self.id)


@dataclass(frozen=True, eq=False)
class Exercise:
    """An assignment as far as one must know it to simulate a class.

    Attributes:
        name: of the assignment.
        notebook: the release, as parsed from JSON.
        cells: what earns points, in order: questions first, then explanations.
    """

    name: str
    notebook: Mapping[str, Any]
    cells: tuple[Cell, ...]

    @cached_property
    def questions(self) -> tuple[Cell, ...]:
        """The cells that `check` judges."""
        return tuple(cell for cell in self.cells if cell.name)

    @cached_property
    def misconceptions(self) -> tuple[str, ...]:
        """The ids of all misconceptions that its questions know."""
        ids = {each.id for cell in self.questions for each in cell.question.misconceptions}
        return tuple(sorted(ids))


def read_exercise(assignment: str, course_dir: Path) -> Exercise:
    """Read an assignment: its notebook from release/, its solutions from source/.

    Args:
        assignment: the assignment's name, such as "parameter-sharing".
        course_dir: the folder with the course's `source` and `release`.

    Raises:
        LookupError: if there is no such assignment, or no release of it.
        ValueError: if one of its graded cells is not `check("question", name)`.
    """
    source = course_dir / "source"
    known = sorted(folder.name for folder in source.glob("*") if folder.is_dir())
    if not known:
        raise LookupError(f"{course_dir.resolve()} is no course: it has no assignments in source/")
    if assignment not in known:
        raise LookupError(
            f"there is no assignment {assignment!r} in source/; {near(assignment, known)}"
        )
    made, solved = (
        _read_notebook(course_dir / stage / assignment / f"{assignment}.ipynb", assignment)
        for stage in ("release", "source")
    )
    return Exercise(assignment, made, _cells(made, _by_id(solved), assignment))


def _read_notebook(path: Path, assignment: str) -> Any:
    if not path.is_file():
        raise LookupError(
            f"there is no {'/'.join(path.parts[-3:])}: run `nbgrader generate_assignment "
            f"{assignment}` first"
        )
    try:
        notebook = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is no notebook: {error}") from None
    if not isinstance(notebook, dict) or not isinstance(notebook.get("cells"), list):
        raise ValueError(f"{path} is no notebook: it has no cells")
    return notebook


def _meta(cell: Mapping[str, Any]) -> Mapping[str, Any]:
    """What nbgrader knows of a cell."""
    known: Mapping[str, Any] = cell["metadata"].get("nbgrader", {})
    return known


def text(cell: Mapping[str, Any]) -> str:
    """Return a cell's source."""
    return "".join(cell["source"])


def _by_id(notebook: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {_meta(cell)["grade_id"]: cell for cell in notebook["cells"] if _meta(cell)}


def _cells(
    made: Mapping[str, Any], solved: Mapping[str, Mapping[str, Any]], assignment: str
) -> tuple[Cell, ...]:
    """Find what earns points, and the solutions, and what each solution needs of earlier ones."""
    questions: list[Cell] = []
    explanations: list[Cell] = []
    solutions: dict[str, tuple[int, str]] = {}  # name to the cell that last gives it a value
    made_by: dict[str, int] = {}  # name to the question whose solution last gives it a value
    for place, cell in enumerate(made["cells"]):
        meta = _meta(cell)
        if meta.get("grade") and meta.get("solution"):
            explanations.append(Cell(meta["grade_id"], meta["points"], place, place))
        elif meta.get("solution") and cell["cell_type"] == "code":
            if meta["grade_id"] not in solved:
                raise LookupError(
                    f"release/ has a cell {meta['grade_id']!r} that source/ has not: run "
                    f"`nbgrader generate_assignment {assignment}` again"
                )
            code = _without_markers(text(solved[meta["grade_id"]]))
            solutions |= dict.fromkeys(_names(code)[0], (place, code))
        elif meta.get("grade"):
            name = _checked(text(cell), meta["grade_id"])
            if name not in solutions:
                raise ValueError(f"no cell before {text(cell)!r} has a solution for {name!r}")
            answer, code = solutions[name]
            given, wanted = _names(code)
            needs = {made_by[each] for each in wanted if each in made_by}
            needs |= {deeper for need in needs for deeper in questions[need].needs}
            made_by |= dict.fromkeys(given, len(questions))
            code = _without_dots(code, name)
            questions.append(
                Cell(meta["grade_id"], meta["points"], answer, place, name, code, (*sorted(needs),))
            )
    return (*questions, *explanations)


def _without_markers(source: str) -> str:
    lines = source.splitlines()
    return "\n".join(line for line in lines if line.strip() not in _MARKERS)


def _without_dots(code: str, name: str) -> str:
    """Leave out the line that a student replaces."""
    return "\n".join(line for line in code.splitlines() if line != f"{name} = ...")


def _names(code: str) -> tuple[set[str], set[str]]:
    """The names to which a cell gives a value, and those whose values it needs from before."""
    try:
        statements = ast.parse(code).body
    except SyntaxError as error:
        raise ValueError(f"a solution is no plain Python: {error.text or code}") from None
    given: set[str] = set()
    wanted: set[str] = set()
    for statement in statements:
        table = symtable.symtable(ast.unparse(statement), "a cell", "exec")
        top, inner = table.get_symbols(), table.get_children()
        reads = {each.get_name() for each in top if each.is_referenced()}
        reads |= {
            node.target.id
            for node in ast.walk(statement)
            if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name)
        }
        while inner:
            table = inner.pop()
            reads |= {each.get_name() for each in table.get_symbols() if each.is_global()}
            inner += table.get_children()
        wanted |= reads - given
        given |= {each.get_name() for each in top if each.is_assigned() or each.is_imported()}
    return given, wanted - set(dir(builtins))


def _checked(source: str, grade_id: str) -> str:
    """Read the variable of `check("question", variable)`."""
    match ast.parse(source).body:
        case [
            ast.Expr(
                ast.Call(ast.Name("check"), [ast.Constant(question), ast.Name(name)], keywords=[])
            )
        ] if question == grade_id:
            bank.find(grade_id)
            return name
    raise ValueError(
        f'the graded cell {grade_id!r} is not `check("{grade_id}", name)`, so what it deserves '
        "cannot be known: simulate another assignment"
    )
