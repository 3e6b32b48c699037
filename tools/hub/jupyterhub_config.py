"""A JupyterHub for one course, as `make hub` starts it; docs/jupyterhub.md explains it."""

import os
from pathlib import Path

c = get_config()  # provided by traitlets

HERE = Path(__file__).parent
BOX = Path(os.environ["HUB_BOX"])
INSTRUCTORS, STUDENTS = ["instructor"], ["ada", "ben"]

# --- Where it listens: on this machine alone ------------------------------------------------

c.JupyterHub.bind_url = os.environ["HUB_URL"]
c.JupyterHub.hub_bind_url = os.environ["HUB_OWN_URL"]
c.ConfigurableHTTPProxy.api_url = os.environ["HUB_PROXY_URL"]
c.JupyterHub.cookie_secret_file = str(BOX / "hub" / "cookie-secret")
c.JupyterHub.db_url = f"sqlite:///{BOX / 'hub' / 'jupyterhub.sqlite'}"
c.JupyterHub.pid_file = str(BOX / "hub" / "pid")
c.ConfigurableHTTPProxy.pid_file = str(BOX / "hub" / "proxy.pid")

# --- Who may come in. For trying out alone: a real hub asks your university's login ----------

c.JupyterHub.authenticator_class = "shared-password"
c.SharedPasswordAuthenticator.user_password = os.environ["HUB_PASSWORD"]
c.Authenticator.allowed_users = {*INSTRUCTORS, *STUDENTS}

# nbgrader knows a course's people by groups of these names.
c.JupyterHub.load_groups = {
    "formgrade-cnnlesson": {"users": INSTRUCTORS},
    "nbgrader-cnnlesson": {"users": STUDENTS},
}
# It asks the hub for them with the token of the user's server, which by default may not.
c.JupyterHub.load_roles = [
    {
        "name": "server",
        "scopes": [
            "access:servers!server",
            "read:users:groups!user",
            "read:users:name!user",
            "users:activity!user",
        ],
    }
]

# --- Their servers --------------------------------------------------------------------------


def config_path(spawner):
    """Name the folders of a user's settings; what stands first prevails."""
    role = "instructors" if spawner.user.name in INSTRUCTORS else "students"
    return f"{HERE / role}:{HERE / 'everyone'}"


# Each server runs as the local user of the user's name.
c.JupyterHub.spawner_class = "jupyterhub.spawner.LocalProcessSpawner"
c.Spawner.default_url = "/lab"
c.Spawner.environment = {
    "JUPYTER_CONFIG_PATH": config_path,
    "NBGRADER_EXCHANGE": str(BOX / "exchange"),
}
if os.geteuid() != 0:  # who can start servers as nobody but themselves
    c.JupyterHub.spawner_class = "simple"
    c.SimpleLocalProcessSpawner.home_dir_template = str(BOX / "home" / "{username}")
