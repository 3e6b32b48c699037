"""Write the zip file that a lecturer gives to students: `student_bundle.py FOLDER`.

It holds what git tracks of the course's student side, byte for byte as it lies here, and a README
of its own. The same files make the same zip.
"""

import re
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]

STUDENT_SIDE = (
    "notebooks",
    "release",
    "cnnlesson",
    "pyproject.toml",
    "environment.yml",
    "constraints.txt",
    "LICENSE",
)

CODE = (".py", ".js", ".css")
"""What the library does not run without."""

README = """\
# How a convolutional layer counts

Unpack this folder where it may stay, and open a terminal in it: on Windows the *Anaconda Prompt*,
or with plain Python a *Command Prompt*.

## With conda

    conda env create
    conda activate cnnlesson
    jupyter lab

## Without conda

You need Python 3.11 or newer. On Windows:

    py -m venv .venv
    .venv\\Scripts\\activate.bat
    python -m pip install --constraint constraints.txt --editable .[lab]
    jupyter lab

On macOS and Linux:

    python3 -m venv .venv
    . .venv/bin/activate
    python -m pip install --constraint constraints.txt --editable '.[lab]'
    jupyter lab

## Then

JupyterLab opens in your browser. In its list of files, on the left, open `notebooks` and in it
`00-start-here.ipynb`, which shows the way through. The next time, only activate the environment
(`conda activate cnnlesson`, or the line with `activate` above) and start `jupyter lab` here.

What you write lies in the folder `work`. Keep it when you unpack a newer version of this zip.

## Which version

This is release {version} of the course, and your answers are graded with release {version}.
Another one may ask other questions, with other numbers. `cnnlesson --version` says which one you
have: if it is another, install it again in this folder, as above, restart the kernel, and run your
notebook anew.
"""


def listed(*options: str) -> list[str]:
    """What git has to say of the student side's files, relative to the course."""
    try:
        git = subprocess.run(
            ["git", "ls-files", "-z", *options, "--", *STUDENT_SIDE],
            cwd=ROOT,
            capture_output=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        sys.exit(f"{ROOT} is no git checkout, so nothing says what belongs into the bundle")
    return sorted(filter(None, git.stdout.decode().split("\0")))


def refuse_what_lacks(untracked: list[str]) -> None:
    """End where students would miss something: what the library imports, or an assignment."""
    missed = [
        path
        for path in untracked
        if path.startswith("release/") or (path.startswith("cnnlesson/") and path.endswith(CODE))
    ]
    if missed:
        sys.exit(
            f"The students' zip would lack {', '.join(missed)}, since git does not track "
            f"{'it' if len(missed) == 1 else 'them'}: commit first, as by git add and git commit"
        )


def write_bundle(folder: Path) -> Path:
    """Write the zip file into a folder, replacing an earlier one of this version."""
    source = (ROOT / "cnnlesson/__init__.py").read_text(encoding="utf-8")
    (version,) = re.findall(r'^__version__ = "(.+)"$', source, re.MULTILINE)
    name = f"cnnlesson-student-{version}"
    contents = {path: (ROOT / path).read_bytes() for path in listed()}
    contents["README.md"] = README.format(version=version).encode()
    folder.mkdir(parents=True, exist_ok=True)
    bundle = folder / f"{name}.zip"
    part = bundle.with_suffix(".part")
    with zipfile.ZipFile(part, "w") as archive:
        for path in sorted(contents):
            entry = zipfile.ZipInfo(f"{name}/{path}")  # of 1980, so that no two runs differ
            entry.create_system = 3  # Unix, on whatever system this runs
            entry.external_attr = 0o100644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, contents[path])
    return part.replace(bundle)


if __name__ == "__main__":
    untracked = listed("--others", "--exclude-standard")
    refuse_what_lacks(untracked)
    print(write_bundle(Path(sys.argv[1])))
    if untracked:
        print(f"Left out, since git does not track them: {', '.join(untracked)}")
