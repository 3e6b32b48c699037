"""Quizzes that grade themselves against the library's own arithmetic, and say what went wrong."""

from cnnlesson.quiz.asking import ask
from cnnlesson.quiz.checking import NotAnswered, PartlyRight, WrongAnswer, check
from cnnlesson.quiz.practising import practice
from cnnlesson.quiz.session import begin

__all__ = ["NotAnswered", "PartlyRight", "WrongAnswer", "ask", "begin", "check", "practice"]
