"""The questions of a course about numbers, as a judge meets them; students never see this file."""

import json
import random
import re
from dataclasses import dataclass
from fractions import Fraction

CHECK = re.compile(r'check\("(\w+)", \w+\)')  # all of a grade cell that asks a question
RIGHT = {"largest": 97}


def cases(nonce):
    """Draw the numbers that a student's `is_prime` is called with; nobody knows them before."""
    return random.Random(nonce).sample(range(2, 10_000), 20)


def is_prime(number):
    """The same, of our own."""
    return all(number % each for each in range(2, number))


@dataclass(frozen=True)
class Judgement:
    """What became of an answer."""

    share: Fraction
    sentences: tuple[str, ...]
    answer: object = None
    for_instructor: str = ""
    misconceptions: tuple[str, ...] = ()


class Paper:
    """One student's questions: here the same for all."""

    def material(self):
        return {}

    def with_cell(self, question, nonce):
        return {"cases.json": json.dumps(cases(nonce)).encode()} if question == "is_prime" else {}

    def after_cell(self, question):
        return {}

    def judge(self, question, record, nonce, earlier, *, reveal=False):
        right = RIGHT.get(question) or [is_prime(each) for each in cases(nonce)]
        if type(record) is type(right) and record == right:
            return Judgement(Fraction(1), ("Right.",))
        if question == "is_prime" and type(record) is list and len(record) == len(right):
            agree = sum(a is b for a, b in zip(record, right, strict=True))
            return Judgement(Fraction(0), (f"Right for {agree} of {len(right)} numbers.",))
        return Judgement(Fraction(0), ("Not right: divide by the smaller numbers.",))


class Bank:
    """All questions of the course."""

    record_type = "application/vnd.numbers.answer+json"

    def question(self, grade_id, source):
        asked = CHECK.fullmatch(source.strip())
        return asked[1] if asked else None

    def paper(self, assignment, student):
        return Paper()

    def library(self, assignment):
        return {}  # quiz.py lies beside the notebook


bank = Bank()
