"""How a convolutional layer counts: the library behind the lessons and the quizzes.

Importing it is cheap: neither a Jupyter server nor nbgrader is loaded.
"""

from cnnlesson.arithmetic import (
    neurons,
    output_shape,
    output_size,
    parameters_shared,
    parameters_unshared,
)
from cnnlesson.quiz import ask, begin, check, practice
from cnnlesson.working import show_work

__all__ = [
    "ask",
    "begin",
    "check",
    "neurons",
    "output_shape",
    "output_size",
    "parameters_shared",
    "parameters_unshared",
    "practice",
    "show_work",
]

__version__ = "0.1.0"
