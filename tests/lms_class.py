"""A class in a gradebook, and what Canvas and Moodle say of the same people."""

import datetime
import io
import zipfile

from course import copy_course
from nbgrader.api import Gradebook, Student

from cnnlesson.grading.secure import let_alembic_be_found

let_alembic_be_found()

ASSIGNMENT = "parameter-sharing"
POINTS = 10
STUDENTS = {  # id: first name, last name, lms_user_id, points, penalty
    "ada": ("Ada", "Lovelace", "101", 10, 0),
    "emmy": ("Emmy", "Noether", "102", 7.25, 2),
    "grace": ("Grace", "Hopper", None, 1, 4),
    "kurt": ("Kurt", "Gödel", "104", None, 0),
    "zoe": (None, None, None, 3, 0),
}
CANVAS = (
    "\ufeffStudent,ID,SIS User ID,SIS Login ID,Section,Padding (7),Parameter Sharing (8),"
    "Assignments Current Points,Current Score,Final Score\n"
    ",,,,,,Manual Posting,,,\n"
    "    Points Possible,,,,,4,10,(read only),(read only),(read only)\n"
    '"Lovelace, Ada",101,S1,ada@uni.edu,A,1,,5,50,50\n'
    '"Noether, Emmy",102,S2,e.noether@uni.edu,A,2,,5,50,50\n'
    '"Hopper, Grace",103,S3,grace@uni.edu,B,3,,5,50,50\n'
    '"Gödel, Kurt",104,S4,kurt@uni.edu,B,4,2.5,5,50,50\n'
    "\"=cmd|' /C calc'!A0, Eve\",105,S5,eve@uni.edu,B,0,,5,50,50\n"
    '"Student, Test",999,,abcdef,B,,,,,\n'
)
MOODLE = (
    "First name,Last name,ID number,Institution,Department,Email address,"
    "Assignment: Padding (Real),Assignment: Parameter sharing (Real),"
    "Assignment: Parameter sharing (Percentage),Course total (Real),"
    "Last downloaded from this course\n"
    "Ada,Lovelace,101,,,ada@uni.edu,1.00,-,-,1.00,1758000000\n"
    "Emmy,Noether,102,,,e.noether@uni.edu,2.00,-,-,2.00,1758000000\n"
    "Grace,Hopper,,,,grace@uni.edu,3.00,-,-,3.00,1758000000\n"
    "@SUM(A1),Eve,,,,eve@uni.edu,0.00,-,-,0.00,1758000000\n"
)
WORKSHEET = (
    "Identifier,Full name,Email address,Status,Grade,Maximum grade,Grade can be changed,"
    "Last modified (submission),Last modified (grade),Feedback comments\n"
    "Participant 9001,Ada Lovelace,ada@uni.edu,Submitted for grading,,10.00,Yes,"
    '"Sunday, 14 September 2025, 11:59 PM",-,\n'
    "Participant 9002,Emmy Noether,e.noether@uni.edu,Submitted for grading,,10.00,Yes,"
    '"Monday, 15 September 2025, 12:05 AM",-,\n'
    "Participant 9003,Grace Hopper,grace@uni.edu,No submission,,10.00,No,-,-,\n"
)


def course_with_class(folder, *, graded=True):
    """Make a course whose gradebook has the class, and its grades as if they had been given."""
    course = copy_course(folder, "release")
    with Gradebook(f"sqlite:///{course}/gradebook.db", "cnnlesson") as gradebook:
        for name, (first, last, number, _, _) in STUDENTS.items():
            known = {"first_name": first, "last_name": last, "lms_user_id": number}
            gradebook.db.add(Student(id=name, **known))
        gradebook.add_assignment(ASSIGNMENT)
        gradebook.add_notebook(ASSIGNMENT, ASSIGNMENT)
        gradebook.add_grade_cell(
            "question", ASSIGNMENT, ASSIGNMENT, max_score=POINTS, cell_type="code"
        )
        for name, (_, _, _, points, penalty) in STUDENTS.items():
            if graded and points is not None:
                submission = gradebook.add_submission(
                    ASSIGNMENT, name, timestamp=datetime.datetime(2025, 9, 14)
                )
                (notebook,) = submission.notebooks
                notebook.late_submission_penalty = penalty or None
                grade = gradebook.find_grade("question", ASSIGNMENT, ASSIGNMENT, name)
                grade.manual_score = points
        gradebook.db.commit()
    return course


def zipped(members):
    """Make a zip file of contents by name."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()
