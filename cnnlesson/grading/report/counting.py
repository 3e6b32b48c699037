"""Count what a class did: plain numbers, which the page and the files show alike."""

import math
import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from cnnlesson.grading.bank import Bank, sentence_of, title_of
from cnnlesson.grading.remarks import clean
from cnnlesson.grading.report.gathering import ERROR, TIME_OUT, ClassWork, Work

BINS = 10
"""How many equal parts of the points the distribution has."""

HALF = 50.0
"""Percent of the points, below which a student may need help."""

OFTEN = 3
"""Questions of one student that show the same misconception, from which it is said."""

FEWEST = 10
"""Answers, from which on discrimination is told."""

_ALL = 1 - 1e-9


@dataclass(frozen=True)
class QuestionFigures:
    """What became of a question.

    Attributes:
        id: of the question.
        title: what people call it.
        points: to be had.
        graded: how many answers have their points.
        waiting: how many a person has still to give points.
        right: how many earned all points.
        share_right: of all answers, from 0 to 1; None as long as a person has to grade some, since
            blank ones have their 0 points before all others.
        mean_share: the mean share of the points of all answers; None likewise.
        discrimination: the corrected item-total correlation, see `discrimination`; None likewise.
        blank: how many students gave no answer, and met no error either.
        errors: in how many answers a cell ended in an error.
        time_outs: in how many a cell did not end.
    """

    id: str
    title: str
    points: float
    graded: int
    waiting: int
    right: int
    share_right: float | None
    mean_share: float | None
    discrimination: float | None
    blank: int
    errors: int
    time_outs: int


@dataclass(frozen=True)
class MisconceptionFigures:
    """How many students hold a misconception, as far as answers tell.

    Attributes:
        id: what the bank calls it.
        sentence: what is wrong about it; empty if the bank does not say.
        students: how many, about: each counts with the greatest of its answers' weights; see
            `held`.
        clearly: how many gave an answer that nothing else leads to.
        at_most: how many gave an answer that it leads to, whatever else does.
        questions: of how many students it showed on each question, most first.
        instead: what else leads to the answers of those who do not show it clearly, and of how
            many of them, most first.
    """

    id: str
    sentence: str
    students: float
    clearly: int
    at_most: int
    questions: Mapping[str, int]
    instead: Mapping[str, int]


@dataclass(frozen=True)
class StudentFigures:
    """What became of one student.

    Attributes:
        student: the id, or a pseudonym.
        handed_in: whether there is a submission.
        points: given so far, less the penalty, and never below 0; None without a submission.
        penalty: in points, for being late.
        percent: of the points of the questions that are graded for all, penalty aside; None if
            there is none.
        hours_late: 0 if in time.
        unanswered: how many questions were left blank.
        errors: how many questions ended in an error.
        time_outs: how many did not end.
        misconceptions: the ids of those that show clearly, with the number of questions.
        reasons: why the student may need help; nothing to say of most.
        name: empty where names are not told.
    """

    student: str
    handed_in: bool
    points: float | None = None
    penalty: float = 0.0
    percent: float | None = None
    hours_late: float = 0.0
    unanswered: int = 0
    errors: int = 0
    time_outs: int = 0
    misconceptions: Mapping[str, int] = field(default_factory=dict)
    reasons: tuple[str, ...] = ()
    name: str = ""


@dataclass(frozen=True)
class Figures:
    """What a class understood.

    Attributes:
        assignment: its name.
        names: whether students' ids and names are told.
        points: to be had in all.
        students: how many the gradebook has.
        handed_in: how many handed something in.
        blank: how many of those answered nothing.
        late: how many of those came late.
        waiting: how many answers a person has still to give points.
        unread: how many students' graded notebooks could not be read.
        mean: of the students' percents; None if there are none, like the next three.
        median: likewise.
        lower_quartile: likewise.
        upper_quartile: likewise.
        distribution: how many students have from 0 to under 10 percent, and so on to 100.
        questions: in the assignment's order.
        misconceptions: those that most students hold first.
        per_student: those who may need help first.
    """

    assignment: str
    names: bool
    points: float
    students: int
    handed_in: int
    blank: int
    late: int
    waiting: int
    unread: int
    mean: float | None
    median: float | None
    lower_quartile: float | None
    upper_quartile: float | None
    distribution: tuple[int, ...]
    questions: tuple[QuestionFigures, ...]
    misconceptions: tuple[MisconceptionFigures, ...]
    per_student: tuple[StudentFigures, ...]

    @property
    def need_help(self) -> tuple[StudentFigures, ...]:
        """The students who may need help."""
        return tuple(each for each in self.per_student if each.reasons)


def figures(
    work: ClassWork, bank: Bank | None, called: Callable[[str], str], *, names: bool
) -> Figures:
    """Count what a class did.

    Args:
        work: what it did.
        bank: what knows the questions' names, if there is a bank.
        called: a student's id to what the student is called.
        names: whether students' names are told.
    """
    points = _settled(work)
    percents = [each for one in work.works if (each := _percent(one, points)) is not None]
    quartiles = statistics.quantiles(percents, method="inclusive") if len(percents) > 1 else None
    missing = work.students.keys() - {each.student for each in work.works}
    per_student = [
        *((each.student, _student(each, points)) for each in work.works),
        *((each, _MISSING) for each in missing),
    ]
    named = [
        replace(
            found,
            student=clean(called(student)),
            name=work.students.get(student, "") if names else "",
        )
        for student, found in per_student
    ]
    return Figures(
        assignment=work.assignment,
        names=names,
        points=sum(each.points for each in work.asked),
        students=len(work.works) + len(missing),
        handed_in=len(work.works),
        blank=sum(map(_is_blank, work.works)),
        late=sum(each.seconds_late > 0 for each in work.works),
        waiting=sum(
            answer.share is None for each in work.works for answer in each.answers.values()
        ),
        unread=sum(bool(each.unread) for each in work.works),
        mean=statistics.fmean(percents) if percents else None,
        median=statistics.median(percents) if percents else None,
        lower_quartile=quartiles[0] if quartiles else None,
        upper_quartile=quartiles[2] if quartiles else None,
        distribution=_distribution(percents),
        questions=_questions(work, bank),
        misconceptions=_misconceptions(work, bank),
        per_student=tuple(sorted(named, key=_need)),
    )


def _distribution(percents: Sequence[float]) -> tuple[int, ...]:
    width = 100 / BINS
    places = Counter(min(BINS - 1, max(0, int(each / width))) for each in percents)
    return tuple(places[place] for place in range(BINS))


# --- Questions ---------------------------------------------------------------------------------


def _questions(work: ClassWork, bank: Bank | None) -> tuple[QuestionFigures, ...]:
    worked = [each for each in work.works if not _is_blank(each)]
    points = _settled(work)
    found = []
    for asked in work.asked:
        answers = [each.answers[asked.id] for each in work.works if asked.id in each.answers]
        shares = [each.share for each in answers if each.share is not None]
        is_settled = asked.id in points
        others = {each: most for each, most in points.items() if each != asked.id}
        pairs = [
            (each.answers[asked.id].share or 0.0, rest / 100)
            for each in worked
            if is_settled and asked.id in each.answers
            if (rest := _percent(each, others)) is not None
        ]
        found.append(
            QuestionFigures(
                id=asked.id,
                title=clean(title_of(bank, asked.question)),
                points=asked.points,
                graded=len(shares),
                waiting=len(answers) - len(shares),
                right=sum(share >= _ALL for share in shares),
                share_right=_mean([share >= _ALL for share in shares]) if is_settled else None,
                mean_share=_mean(shares) if is_settled else None,
                discrimination=discrimination(pairs),
                blank=sum(not each.answered and not each.trouble for each in answers),
                errors=sum(each.trouble == ERROR for each in answers),
                time_outs=sum(each.trouble == TIME_OUT for each in answers),
            )
        )
    return tuple(found)


def _settled(work: ClassWork) -> dict[str, float]:
    """The points of the questions that are graded for all, by question."""
    waiting = {
        question
        for each in work.works
        for question, answer in each.answers.items()
        if answer.share is None
    }
    return {each.id: each.points for each in work.asked if each.id not in waiting}


def _percent(work: Work, points: Mapping[str, float]) -> float | None:
    """How much of the points of some questions a student has; None if none was asked."""
    shares = {each: work.answers[each].share or 0.0 for each in points if each in work.answers}
    most = sum(points[each] for each in shares)
    return (
        100 * sum(points[each] * share for each, share in shares.items()) / most if most else None
    )


def discrimination(pairs: Sequence[tuple[float, float]]) -> float | None:
    """Return how well a question tells strong from weak students, from -1 to 1.

    It is the corrected item-total correlation: Pearson's, between the share of the points of a
    question and that of all others together. The question itself is left out of the total, which
    it would else correlate with by being a part of it (S. Henrysson, Correction of item-total
    correlations in item analysis, Psychometrika 28, 1963, 211-218).

    Args:
        pairs: of each student, the share of this question and that of the others.

    Returns:
        None with fewer than `FEWEST` students, or where all have the same of one of the two.
    """
    if len(pairs) < FEWEST:
        return None
    question, others = zip(*pairs, strict=True)
    try:
        return statistics.correlation(question, others)
    except statistics.StatisticsError:
        return None


def _mean(values: Sequence[float]) -> float | None:
    return statistics.fmean(values) if values else None


# --- Misconceptions ----------------------------------------------------------------------------


def _misconceptions(work: ClassWork, bank: Bank | None) -> tuple[MisconceptionFigures, ...]:
    students: dict[str, float] = {}
    clearly: Counter[str] = Counter()
    at_most: Counter[str] = Counter()
    shown: defaultdict[str, Counter[str]] = defaultdict(Counter)
    instead: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for each in work.works:
        weights = held(each)
        for misconception, weight in weights.items():
            students[misconception] = students.get(misconception, 0.0) + weight
        at_most.update(weights.keys())
        clearly.update(_clear(each).keys())
        for question, answer in each.answers.items():
            for misconception in answer.misconceptions:
                shown[misconception][question] += 1
        for misconception, others in _instead(each).items():
            instead[misconception].update(others)
    asked = {each.id: each.question for each in work.asked}
    found = []
    for misconception, about in students.items():
        questions = _most_first(shown[misconception])
        sentences = (sentence_of(bank, asked[each], misconception) for each in questions)
        found.append(
            MisconceptionFigures(
                id=misconception,
                sentence=clean(next(filter(None, sentences), "")),
                students=round(about, 6),
                clearly=clearly[misconception],
                at_most=at_most[misconception],
                questions=questions,
                instead=_most_first(instead[misconception]),
            )
        )
    found.sort(key=lambda each: (-each.students, -each.clearly, -each.at_most, each.id))
    return tuple(found)


def _most_first(counts: Counter[str]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda each: (-each[1], each[0])))


def _instead(work: Work) -> dict[str, set[str]]:
    """By the misconceptions that do not show clearly: what else leads to the same answers."""
    clear = _clear(work)
    others: defaultdict[str, set[str]] = defaultdict(set)
    for answer in work.answers.values():
        for together in answer.explanations:
            for each in {*together} - clear.keys():
                without = (one for one in answer.explanations if each not in one)
                others[each] |= {other for one in without for other in one} - {*together}
    return others


def held(work: Work) -> dict[str, float]:
    """Return how surely a student holds each misconception that an answer may come from.

    Of what explains an answer, that counts which takes the fewest misconceptions that do not show
    clearly elsewhere in the student's work. If that is none, the answer adds nothing; else a weight
    of 1 is parted among these explanations, and of each among these misconceptions.

    Returns:
        By misconception, 1 where it shows clearly, else the greatest weight that an answer gives.
    """
    clear = _clear(work)
    weights: dict[str, float] = {each: float(each in clear) for each in _may_hold(work)}
    for answer in work.answers.values():
        unclear = [[each for each in one if each not in clear] for one in answer.explanations]
        fewest = min(map(len, unclear), default=0)
        likely = [each for each in unclear if len(each) == fewest]
        shares: dict[str, float] = defaultdict(float)
        for together in likely if fewest else ():
            for each in together:
                shares[each] += 1 / (len(likely) * fewest)
        for each, share in shares.items():
            weights[each] = max(weights[each], share)
    return weights


def _may_hold(work: Work) -> set[str]:
    return {each for answer in work.answers.values() for each in answer.misconceptions}


def _clear(work: Work) -> Counter[str]:
    """The misconceptions that alone lead to an answer, and the number of these answers."""
    return Counter(
        answer.misconceptions[0]
        for answer in work.answers.values()
        if len(answer.misconceptions) == 1
    )


# --- Students ----------------------------------------------------------------------------------


_MISSING = StudentFigures("", handed_in=False, reasons=("handed nothing in",))


def _student(each: Work, points: Mapping[str, float]) -> StudentFigures:
    """What became of a student, who is not named yet."""
    percent = _percent(each, points)
    answers = each.answers.values()
    time_outs = sum(answer.trouble == TIME_OUT for answer in answers)
    clear = _clear(each)
    reasons = []
    if each.unread:
        pass  # nothing is known of the answers
    elif _is_blank(each):
        reasons.append("answered nothing")
    if percent is not None and percent < HALF and not reasons:
        reasons.append(f"has {math.floor(percent)} % of the points")
    if time_outs:
        reasons.append("wrote a cell that did not end")
    reasons += [
        f"shows {misconception} on {count} questions"
        for misconception, count in clear.most_common()
        if count >= OFTEN
    ]
    return StudentFigures(
        student="",
        handed_in=True,
        points=max(0.0, each.points - each.penalty),
        penalty=each.penalty,
        percent=percent,
        hours_late=each.seconds_late / 3600,
        unanswered=sum(not answer.answered and not answer.trouble for answer in answers),
        errors=sum(answer.trouble == ERROR for answer in answers),
        time_outs=time_outs,
        misconceptions=dict(clear.most_common()),
        reasons=tuple(reasons),
    )


def _is_blank(work: Work) -> bool:
    """Whether a student answered nothing, as far as the notebooks tell."""
    answers = work.answers.values()
    return not work.unread and not any(answer.answered or answer.trouble for answer in answers)


def _need(student: StudentFigures) -> tuple[bool, bool, float, str]:
    """Who may need help comes first, and of these who has least."""
    percent = -1.0 if student.percent is None else student.percent
    return not student.reasons, student.handed_in, percent, student.student
