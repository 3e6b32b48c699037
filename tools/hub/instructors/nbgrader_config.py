"""What the instructor's nbgrader needs to know besides."""

from pathlib import Path

c = get_config()  # provided by traitlets

COURSE = Path.home() / "cnnlesson"

# The sandbox and all else that the course's own file sets, wherever the server was started.
load_subconfig(str(COURSE / "nbgrader_config.py"))  # provided by traitlets

c.CourseDirectory.root = str(COURSE)

# The exchange hands a feedback page out as it is, by a name that only its student can work out;
# it must be readable there. The course's own folder is closed to others.
c.GenerateFeedback.permissions = 644
