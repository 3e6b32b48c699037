"""Quizzes that grade themselves against the library's own arithmetic."""

from cnnlesson.quiz.checking import NotAnswered, WrongAnswer, check

__all__ = ["NotAnswered", "WrongAnswer", "check"]
