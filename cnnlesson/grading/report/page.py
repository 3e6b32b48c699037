"""Show a report as one HTML page, which needs no network and runs no script but its own.

Its policy (CSP) allows the one script and the one style sheet by their digests, and nothing else,
so that whatever a name or an id may hold, it stays text.
"""

from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from hashlib import sha256
from importlib import resources

from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup

from cnnlesson.grading.report import pictures
from cnnlesson.grading.report.counting import (
    Figures,
    MisconceptionFigures,
    QuestionFigures,
    StudentFigures,
)

FOREMOST = 5
"""How many misconceptions the first screen tells of."""

MOST_PLACES = 4
"""How many questions where it showed are named there of each."""

MOST_OTHERS = 2
"""How many others that lead to the same answers."""

NEEDIEST = 8
"""How many students who may need help are named before the details."""

_NONE = "–"


@dataclass(frozen=True)
class Cell:
    """A cell of a table.

    Attributes:
        text: what it shows.
        key: what it is sorted by: a number, or empty for the text.
    """

    text: str
    key: str = ""


@dataclass(frozen=True)
class Table:
    """A table that can be sorted.

    Attributes:
        id: its own in the page.
        title: what it tells.
        columns: their heads, the first of which names a row.
        rows: the cells.
    """

    id: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]

    @property
    def kinds(self) -> tuple[str, ...]:
        """Of each column "number" or "text", by what its cells are sorted by."""
        return tuple(
            "number" if any(row[place].key for row in self.rows) else "text"
            for place in range(len(self.columns))
        )


def page(figures: Figures, made: datetime) -> str:
    """Return a report as HTML.

    Args:
        figures: the numbers.
        made: when.
    """
    script, style = _part("page.js"), _part("page.css")
    titles = {each.id: each.title for each in figures.questions}
    return _template().render(
        figures=figures,
        made=made.strftime("%d %B %Y, %H:%M"),
        script=Markup(script),
        style=Markup(style),
        script_digest=_digest(script),
        style_digest=_digest(style),
        distribution=Markup(pictures.distribution(figures).svg()),
        questions=Markup(pictures.questions(figures).svg()),
        misconceptions=Markup(pictures.misconceptions(figures).svg()),
        foremost=[
            (
                each,
                _listed(each.questions, titles, MOST_PLACES),
                _listed(each.instead, {}, MOST_OTHERS),
            )
            for each in figures.misconceptions[:FOREMOST]
        ],
        about=pictures.about,
        neediest=figures.need_help[:NEEDIEST],
        tables=[
            _questions(figures.questions),
            _misconceptions(figures.misconceptions, titles),
            _students(figures.per_student, names=figures.names),
        ],
        number=_number,
        percent=_percent,
    )


@cache
def _template() -> Template:
    environment = Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined
    )
    return environment.from_string(_part("page.html.j2"))


def _part(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def _digest(content: str) -> str:
    return f"sha256-{b64encode(sha256(content.encode()).digest()).decode()}"


# --- Tables ------------------------------------------------------------------------------------


def _questions(rows: Iterable[QuestionFigures]) -> Table:
    columns = (
        *("Question", "Points", "Right", "Mean share of points", "Discrimination"),
        *("Blank", "Errors", "Time-outs", "To be graded"),
    )
    return Table(
        "questions",
        "Questions",
        columns,
        tuple(
            (
                Cell(each.title),
                _number(each.points),
                _percent(each.share_right, 100),
                _percent(each.mean_share, 100),
                _number(each.discrimination, "+.2f"),
                *map(_number, (each.blank, each.errors, each.time_outs, each.waiting)),
            )
            for each in rows
        ),
    )


def _misconceptions(rows: Iterable[MisconceptionFigures], titles: Mapping[str, str]) -> Table:
    return Table(
        "misconceptions",
        "Misconceptions",
        (
            *("Misconception", "Students, about", "Clearly", "At most"),
            *("What is told", "Showed on", "Or else"),
        ),
        tuple(
            (
                Cell(each.id),
                _number(each.students, ".0f"),
                _number(each.clearly),
                _number(each.at_most),
                Cell(each.sentence),
                Cell(_listed(each.questions, titles)),
                Cell(_listed(each.instead, {}, MOST_PLACES)),
            )
            for each in rows
        ),
    )


def _students(rows: Sequence[StudentFigures], *, names: bool) -> Table:
    columns = (
        *("Student", *(["Name"] if names else [])),
        *("Points", "Percent", "Hours late", "Penalty", "Blank", "Errors", "Time-outs"),
        *("Misconceptions that show clearly", "May need help"),
    )
    return Table(
        "students",
        "Students",
        columns,
        tuple(
            (
                Cell(each.student),
                *([Cell(each.name)] if names else []),
                _number(each.points),
                _percent(each.percent),
                _number(each.hours_late or None, ".1f"),
                _number(each.penalty or None),
                *map(_number, (each.unanswered, each.errors, each.time_outs)),
                Cell(", ".join(each.misconceptions)),
                Cell("; ".join(each.reasons)),
            )
            for each in rows
        ),
    )


def _number(value: float | None, form: str = "g") -> Cell:
    """A cell that shows a number, rounded, and is sorted by all of it."""
    if value is None:
        return Cell(_NONE)
    return Cell(f"{value:{form}}".replace("-", "−"), f"{value:.9g}")


def _percent(value: float | None, times: float = 1) -> Cell:
    return Cell(_NONE) if value is None else Cell(f"{times * value:.0f} %", f"{value:.9g}")


def _listed(counts: Mapping[str, int], titles: Mapping[str, str], most: int | None = None) -> str:
    """List what was counted, with the numbers, or so many of it."""
    shown = [f"{titles.get(each, each)}: {count}" for each, count in [*counts.items()][:most]]
    left = len(counts) - len(shown)
    return "; ".join([*shown, *([f"and {left} more"] if left else [])])
