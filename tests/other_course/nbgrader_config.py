"""A course of one's own: its questions stand beside this file."""

import sys
from pathlib import Path

from cnnlesson.grading.secure import secure

c = get_config()  # provided by traitlets

sys.path.insert(0, str(Path(__file__).parent))  # so that questions.py is found
secure(c, bank="questions:bank")
c.CourseDirectory.course_id = "numbers"
