"""The pictures of a report: SVG, each with its numbers as a text alternative."""

from collections.abc import Sequence
from itertools import pairwise

from cnnlesson.drawing import ACCENT, INK, INPUT, MUTED, Drawing, text_width
from cnnlesson.grading.report.counting import BINS, Figures, MisconceptionFigures, QuestionFigures

WIDTH = 560
"""Of each picture, in pixels."""

MOST_QUESTIONS, MOST_MISCONCEPTIONS = 15, 8
"""How many a picture shows; the tables have all."""

_LABELS, _ROW, _BAR = 210, 21, 13


def distribution(figures: Figures) -> Drawing:
    """Draw how many students have how much of the points."""
    counts = figures.distribution
    width, height, left, floor = 100 / BINS, 210, 40, 165
    edges = [f"{place * width:.0f}" for place in range(BINS + 1)]
    spans = [
        f"{low} to {high} %: {count}"
        for (low, high), count in zip(pairwise(edges), counts, strict=True)
    ]
    drawing = Drawing(
        WIDTH,
        height,
        "How the scores are distributed",
        f"A bar chart of {sum(counts)} students by their percent of the points. "
        + "; ".join(spans)
        + ".",
    )
    step = (WIDTH - left - 20) / BINS
    most = max(1, *counts)
    for place, count in enumerate(counts):
        x, tall = left + place * step, 135 * count / most
        if count:
            drawing.rectangle(x + 3, floor - tall, step - 6, tall, fill=INPUT, stroke=INK)
        drawing.text(x + step / 2, floor - tall - 5, str(count), anchor="middle")
        drawing.text(x, floor + 16, edges[place], anchor="middle", fill=MUTED)
    drawing.line(left, floor, left + BINS * step, floor)
    drawing.text(left + BINS * step, floor + 16, edges[-1], anchor="middle", fill=MUTED)
    drawing.text(left + BINS * step / 2, height - 10, "percent of the points", anchor="middle")
    if figures.median is not None:
        x = left + BINS * step * min(100.0, max(0.0, figures.median)) / 100
        drawing.line(x, 14, x, floor, stroke=ACCENT, width=2, dashed=True)
        right = x < WIDTH / 2
        words = f"median {figures.median:.0f} %"
        drawing.text(
            x + (5 if right else -5), 12, words, fill=ACCENT, anchor="start" if right else "end"
        )
    return drawing


def questions(figures: Figures) -> Drawing:
    """Draw the share of right answers of each question; of many, of the hardest."""
    known = [each for each in figures.questions if each.share_right is not None]
    hardest = sorted(known, key=_share)[:MOST_QUESTIONS]
    shown = [each for each in known if each in hardest]
    bars = [(each.title, 100 * _share(each), 0.0, f"{100 * _share(each):.0f} %") for each in shown]
    about = "all questions" if len(shown) == len(known) else f"the {len(shown)} hardest questions"
    return _bars(bars, 100, "Right answers by question", f"the share of right answers to {about}")


def misconceptions(figures: Figures) -> Drawing:
    """Draw how many students hold the misconceptions that most hold."""
    shown = figures.misconceptions[:MOST_MISCONCEPTIONS]
    bars = [(each.id, each.students, float(each.at_most), about(each)) for each in shown]
    most = max((each.at_most for each in shown), default=1)
    return _bars(
        bars,
        most,
        "Misconceptions by the number of students",
        "how many students hold each misconception, about, with a thin line to how many it may be "
        "at most",
    )


def about(misconception: MisconceptionFigures) -> str:
    """Say how many students hold a misconception."""
    if misconception.clearly == misconception.at_most:
        return str(misconception.clearly)
    return f"{misconception.students:.0f} ({misconception.clearly} to {misconception.at_most})"


def _share(question: QuestionFigures) -> float:
    return question.share_right or 0.0


def _bars(
    bars: Sequence[tuple[str, float, float, str]], most: float, title: str, what: str
) -> Drawing:
    """Draw bars that lie, each with a label, a length, a longer thin line, and a number."""
    numbers = "; ".join(f"{label}: {number}" for label, _, _, number in bars)
    drawing = Drawing(
        WIDTH, _ROW * max(1, len(bars)) + 8, title, f"A bar chart of {what}. {numbers or 'None'}."
    )
    space = max([50.0, *(text_width(number) for *_, number in bars)])
    scale = (WIDTH - _LABELS - space - 20) / most
    for place, (label, length, longer, number) in enumerate(bars):
        y = 4 + place * _ROW
        middle = y + _ROW / 2
        drawing.text(_LABELS - 8, middle + 4, _fitting(label, _LABELS - 12), anchor="end")
        if length:
            drawing.rectangle(
                _LABELS, middle - _BAR / 2, length * scale, _BAR, fill=INPUT, stroke=INK
            )
        if longer > length:
            end = _LABELS + longer * scale
            drawing.line(_LABELS + length * scale, middle, end, middle, stroke=INK)
            drawing.line(end, middle - 4, end, middle + 4, stroke=INK)
        drawing.text(_LABELS + max(length, longer) * scale + 6, middle + 4, number)
    return drawing


def _fitting(words: str, width: float) -> str:
    """Shorten words to a width."""
    if text_width(words) <= width:
        return words
    while words and text_width(words + "…") > width:
        words = words[:-1]
    return words.rstrip() + "…"
