"""Quizzes while an assignment is graded: an answer is noted here, and judged elsewhere."""

from cnnlesson.quiz.checking import NotAnswered, PartlyRight, WrongAnswer, check
from cnnlesson.quiz.sandboxed.session import ask, begin, practice

__all__ = ["NotAnswered", "PartlyRight", "WrongAnswer", "ask", "begin", "check", "practice"]
