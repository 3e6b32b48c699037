"""What everybody's nbgrader needs to know."""

import os
import pwd

from nbgrader.auth import JupyterHubAuthPlugin

c = get_config()  # provided by traitlets

c.CourseDirectory.course_id = "cnnlesson"

# It must be there, and writable to everybody: nbgrader makes folders in it that are not.
c.Exchange.root = os.environ["NBGRADER_EXCHANGE"]

# Whoever is in the hub's group nbgrader-COURSE or formgrade-COURSE sees the course.
c.Authenticator.plugin_class = JupyterHubAuthPlugin

# Where all servers run as one local user, as in containers, a submission's owner says nothing.
c.ExchangeCollect.check_owner = pwd.getpwuid(os.getuid()).pw_name != "jovyan"
