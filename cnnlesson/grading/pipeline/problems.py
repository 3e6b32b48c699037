"""What keeps a class from being graded."""


class CannotGradeError(Exception):
    """Nothing can be done; the message says why, and what to do."""
