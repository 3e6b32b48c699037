"""What a class understood of an assignment: a page, and the same numbers as JSON and CSV.

It reads what grading left, the gradebook and autograded/, and runs nothing.

| room | does |
|---|---|
| `gathering` | reads the gradebook, and in graded notebooks what the judge found |
| `counting` | counts |
| `pictures`, `page` | show |
| `files` | writes it all down |
"""

from datetime import datetime
from pathlib import Path

from cnnlesson.grading.bank import AsksBank
from cnnlesson.grading.nonces import KeepsSecret
from cnnlesson.grading.pipeline.progress import pseudonym
from cnnlesson.grading.report.counting import Figures, figures
from cnnlesson.grading.report.files import write
from cnnlesson.grading.report.gathering import gather
from cnnlesson.grading.scores import open_course


def report(
    assignment: str, course_dir: Path, into: Path | None = None, *, names: bool = False
) -> tuple[Figures, list[Path]]:
    """Write the report on an assignment.

    Args:
        assignment: its name, such as "padding".
        course_dir: the folder with the course's nbgrader_config.py.
        into: the folder to write to; reports/ASSIGNMENT in the course unless given.
        names: whether students' ids and names are told, rather than pseudonyms.

    Returns:
        The numbers, and the files, the page first.

    Raises:
        LookupError: if there is no course, no gradebook, no such assignment, or no submission.
        TraitError: if the course's bank cannot be imported.
        OSError: if something cannot be read or written.
    """
    course = open_course(course_dir)
    config = course.parent.config  # the application's; that of the course is not kept up to date
    work = gather(course, assignment, config)
    secret = b"" if names else KeepsSecret(config=config).secret(Path(course.root))

    def called(student: str) -> str:
        return student if names else pseudonym(secret, student)

    found = figures(work, AsksBank(config=config).questions, called, names=names)
    folder = into or Path(course.root, "reports", assignment)
    return found, write(found, folder, datetime.now().astimezone())
