"""An answer box: a question is answered in the browser and judged at once, with no kernel.

The page holds hashes of the answers that are known, and sentences that only open with the answer
that they speak of. That hides them from a glance, not from somebody who tries all numbers.
"""

import operator
import re
import textwrap
from base64 import b64encode
from collections.abc import Iterable, Set
from fractions import Fraction
from hashlib import sha256
from numbers import Rational
from typing import Any

import traitlets

from cnnlesson.drawing import ACCENT, INK, MUTED, PAPER, Drawing, text_width
from cnnlesson.settings import shown
from cnnlesson.widgets.base import Visualiser, module, style

FORMS = {
    "number": ("number",),
    "size": ("height", "width"),
    "shape": ("height", "width", "depth"),
    "choice": (),
    "several": (),
}
"""The forms of an answer, each with the labels of its fields where no others are given."""

Answer = object
"""A number, several numbers in a row, the key of an option, or keys of several."""

_KEY = re.compile("[a-z][a-z0-9-]*")
_MOST_DIGITS = 40  # as in answer-box.js
_WIDTH = 560  # of the picture, in pixels


class AnswerBox(Visualiser):
    """Fields or options, a button to check them, and the verdict; judged in the browser.

    Attributes:
        title: names the question.
        form: "number", "size" (height, width), "shape" (height, width, depth), "choice" of one
            option, or of "several".
        fields: the labels of the number fields.
        options: (key, words) of each option.
        salt: is hashed before every answer.
        replies: "hash" of an answer, whether it is "right", and, sealed, what to "say".
        otherwise: what is said to an answer that has no reply.
        work: how the answer is found, sealed, once for each reply that is right.
        tries: how many answers were judged, up to the first right one.
        answered: whether a right answer was given.
    """

    _esm = module("ui.js", "answer-box.js")
    _css = style("style.css", "answer-box.css")

    title = traitlets.Unicode().tag(sync=True)
    form = traitlets.Enum([*FORMS], "number").tag(sync=True)
    fields = traitlets.List(traitlets.Unicode()).tag(sync=True)
    options = traitlets.List(traitlets.List(traitlets.Unicode())).tag(sync=True)
    salt = traitlets.Unicode().tag(sync=True)
    replies = traitlets.List(traitlets.Dict()).tag(sync=True)
    otherwise = traitlets.Unicode().tag(sync=True)
    work = traitlets.Unicode().tag(sync=True)
    tries = traitlets.Int(0).tag(sync=True)
    answered = traitlets.Bool(False).tag(sync=True)

    def __init__(
        self,
        title: str,
        form: str = "number",
        *,
        fields: Iterable[str] | None = None,
        options: Iterable[Iterable[str]] = (),
        **seal: Any,
    ) -> None:
        """Ask for an answer.

        Args:
            title: names the question.
            form: one of `FORMS`.
            fields: the labels of the number fields, if those of `FORMS` say too little.
            options: (key, words) of each option of a choice; a key is "a", "b" and so on.
            seal: what `sealed` made of the answers and the sentences.

        Raises:
            ValueError: if the title is empty, there is no such form, or the form cannot do with
                these fields or options.
        """
        if not isinstance(title, str) or not title.strip():
            raise ValueError(f"the title is {shown(title)}, but must name the question")
        if form not in FORMS:
            raise ValueError(f"form is {shown(form)}, but must be one of {', '.join(FORMS)}")
        labels = [*(FORMS[form] if fields is None else fields)]
        offered = [[*option] for option in options]
        if FORMS[form]:
            if not labels or not all(labels) or len(set(labels)) < len(labels):
                raise ValueError(f"fields are {shown(labels)}, but each needs a label of its own")
            if offered:
                raise ValueError(f"a {form} has no options, but {shown(offered)} were given")
        else:
            if labels:
                raise ValueError(f"a choice has no fields, but {shown(labels)} were given")
            _check_options(offered)
        super().__init__(title=title, form=form, fields=labels, options=offered, **seal)

    def description(self) -> str:
        """Say what is asked for: the title, and the options if there are some."""
        sentence = f"{self.title} – answer box: run this cell to answer"
        words = "; ".join(words for _, words in self.options)
        return f"{sentence}; options: {words}" if words else sentence

    def picture(self) -> Drawing:
        """Draw the empty box, for where no kernel or no trust is."""
        lines = [
            (textwrap.wrap(words, _fitting(words, _WIDTH - 80)) or [""])
            for _, words in self.options
        ]
        tall = sum(20 * len(each) + 6 for each in lines) if lines else 58
        drawing = Drawing(_WIDTH, 78 + tall, self.title, self.description())
        drawing.rectangle(0.5, 0.5, _WIDTH - 1, 77 + tall, stroke=MUTED)
        drawing.rectangle(0.5, 0.5, 5, 77 + tall, fill=ACCENT)
        drawing.text(22, 28, self.title, size=15, bold=True)
        y = 56.0
        for each in lines:
            drawing.rectangle(24, y - 11, 13, 13, fill=PAPER, stroke=INK)
            for line in each:
                drawing.text(48, y, line, size=13)
                y += 20
            y += 6
        x, wide = 22.0, min(170.0, (_WIDTH - 40) / max(len(self.fields), 1) - 14)
        for label in self.fields:
            drawing.text(x, 56, label, size=13, fill=MUTED)
            drawing.rectangle(x, 64, wide, 28, fill=PAPER, stroke=INK)
            x += max(wide, text_width(label, 13)) + 14
        drawing.text(22, 58 + tall, "Answer box: run this cell to answer.", size=13, fill=MUTED)
        return drawing


def canonical(answer: Answer) -> str:
    """Write an answer in the one way that is hashed.

    Args:
        answer: a number (3860, 13.5, Fraction(27, 2)), several in a list or tuple, the key of an
            option ("b"), or a set, list or tuple of keys.

    Returns:
        Numbers in lowest terms, as in "3860", "27/2" or "14,14,20"; keys in order, as in "a,c".

    Raises:
        TypeError: if it is none of these.
        ValueError: if it holds nothing, a key twice, or a number that nobody could type.
    """
    if isinstance(answer, str):
        return _key(answer)
    if not isinstance(answer, list | tuple | Set):
        return _number(answer)
    if not answer:
        raise ValueError(f"the answer is {shown(answer)}, which nobody can give")
    if any(isinstance(part, str) for part in answer):
        keys = [_key(part) for part in answer]
        if len(set(keys)) < len(keys):
            raise ValueError(f"the answer is {shown(answer)}, which holds an option twice")
        return ",".join(sorted(keys))
    if isinstance(answer, Set):
        raise TypeError(f"the answer is {shown(answer)}, but numbers come in order, as a tuple")
    return ",".join(map(_number, answer))


def sealed(
    salt: str, replies: Iterable[tuple[Answer, bool, str]], otherwise: str, work: str = ""
) -> dict[str, Any]:
    """Hash answers, and seal what is said to them so that it opens with the answer alone.

    Args:
        salt: makes these hashes unlike those of other questions.
        replies: (answer, whether it is right, what to say to it). An answer may have several
            replies, which are then all said.
        otherwise: what is said to an answer that is not among them; it is not sealed.
        work: how the answer is found, to be shown after a right one; empty for nothing.

    Returns:
        Traits of `AnswerBox`.

    Raises:
        TypeError: if an answer cannot be hashed; see `canonical`.
        ValueError: if the salt is empty, no answer is right, or one is both right and wrong.
    """
    if not salt:
        raise ValueError(f"salt is {shown(salt)}, but must be a text of this question's own")
    known = [(canonical(answer), bool(right), say) for answer, right, say in replies]
    right_answers = [answer for answer, right, _ in known if right]
    if not right_answers:
        raise ValueError(f"none of the {len(known)} answers is right; mark one as right")
    for answer, right, _ in known:
        if not right and answer in right_answers:
            raise ValueError(f"the answer {answer} is listed both as right and as wrong")
    return {
        "salt": salt,
        "replies": [
            {
                "hash": sha256(f"{salt}\n{answer}".encode()).hexdigest(),
                "right": right,
                "say": _seal(say, str(number), salt, answer),
            }
            for number, (answer, right, say) in enumerate(known)
        ],
        "otherwise": otherwise,
        "work": " ".join(_seal(work, "work", salt, answer) for answer in right_answers)
        if work
        else "",
    }


def _seal(words: str, purpose: str, salt: str, answer: str) -> str:
    """Add a stream of hashes, which no other text of the question has, to the words."""
    plain = words.encode()
    stream = b"".join(
        sha256(f"{purpose}\n{block}\n{salt}\n{answer}".encode()).digest()
        for block in range(len(plain) // 32 + 1)
    )
    return b64encode(bytes(map(operator.xor, plain, stream))).decode("ascii")


def _key(text: str) -> str:
    if not _KEY.fullmatch(text):
        raise ValueError(f'an option is called by a key such as "a", not {shown(text)}')
    return text


def _number(number: object) -> str:
    """Write a number in lowest terms; a float as the decimal that Python shows for it."""
    try:
        if isinstance(number, bool):
            raise TypeError
        if isinstance(number, Rational):
            exact = Fraction(number)
        elif isinstance(number, float):
            exact = Fraction(repr(float(number)))
        else:
            exact = Fraction(operator.index(number))  # type: ignore[arg-type]
    except TypeError:
        raise TypeError(
            f"an answer is a number, several, or keys of options, not {shown(number)} "
            f"of type {type(number).__name__}"
        ) from None
    except ValueError:
        raise ValueError(f"the answer is {shown(number)}, which nobody can type") from None
    if max(abs(exact.numerator), exact.denominator) >= 10**_MOST_DIGITS:
        raise ValueError(
            f"the answer is {shown(number)}, but the box takes {_MOST_DIGITS} digits at most"
        )
    return str(exact)


def _check_options(options: list[list[str]]) -> None:
    keys = []
    for option in options:
        if len(option) != 2 or not all(isinstance(part, str) and part for part in option):
            raise ValueError(f'an option is a key and its words, as in ("a", "14"), not {option}')
        keys.append(_key(option[0]))
    if len(keys) < 2 or len(set(keys)) < len(keys):
        raise ValueError(f"options are {shown(keys)}, but must be two or more, each with its key")


def _fitting(words: str, width: float) -> int:
    """Return how many of these characters fit into a width, on average."""
    return max(10, int(width / max(text_width(words, 13) / max(len(words), 1), 1)))
