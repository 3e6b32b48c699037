"""What nbgrader's commands and the formgrader need to know of this course."""

from cnnlesson.grading.secure import secure

c = get_config()  # provided by traitlets

# Submissions run in a sandbox, and the lesson's own questions are judged outside of it. It stands
# first, since nbgrader goes on after an error in this file: then it refuses to grade.
secure(c, bank="cnnlesson.quiz.grader:bank")

c.CourseDirectory.course_id = "cnnlesson"

# A release keeps what stands outside the solution's markers, `number_of_parameters = ...`, and
# must still run: nbgrader's own stub would raise, and the check after it end in a NameError.
c.ClearSolutions.code_stub = {"python": "# YOUR CODE HERE"}

# release/ is committed, and made anew here whenever it is asked for.
c.GenerateAssignment.force = True

# zip_collect finds a submission by its name: STUDENT_parameter-sharing.ipynb.
c.FileNameCollectorPlugin.named_regexp = r".*[/\\](?P<student_id>[^/\\]+)_(?P<file_id>[^/\\_]+)"

# Seconds for one cell. The answers here take milliseconds, so longer means an endless loop.
c.Execute.timeout = 10
