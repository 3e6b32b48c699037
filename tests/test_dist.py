"""What `make dist` builds works where the source tree is not, and tells nothing of the machine."""

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile

import manual
import pytest
from course import ROOT

from cnnlesson import __version__

INSTALLING = {  # pages that install the wheel, and programs that are there then
    "docs/grading-elsewhere.md": ["nbgrader"],
    "docs/jupyterhub.md": ["nbgrader", "jupyterhub", "jupyter-lab", "dask"],
}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    pytest.importorskip("hatchling")
    folder = tmp_path_factory.mktemp("dist")
    recipe = subprocess.run(
        ["make", "--dry-run", "dist", f"DIST={folder}"], cwd=ROOT, capture_output=True, text=True
    ).stdout
    build = next(line for line in recipe.splitlines() if "hatchling build" in line).split()[1:]
    subprocess.run([sys.executable, *build], cwd=ROOT, capture_output=True, check=True)
    (wheel,), (sdist,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    return wheel, sdist


@pytest.fixture(scope="module")
def installed(built, tmp_path_factory):
    """The folder of an environment that has the wheel, and all else from this one."""
    folder = tmp_path_factory.mktemp("elsewhere") / "env"
    venv.create(folder, symlinks=True)
    python = folder / "bin/python"
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet"]
    subprocess.run([*pip, "--no-deps", "--no-index", built[0]], check=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    # A path alone: what this environment has of cnnlesson is found by a .pth file, read at no path.
    (packages / "the-rest.pth").write_text(sysconfig.get_path("purelib"))
    return folder


def call(folder, *command, **settings):
    return subprocess.run(
        [folder / "bin" / command[0], *command[1:]],
        cwd=folder,
        capture_output=True,
        text=True,
        env={"PATH": os.environ["PATH"]},
        **settings,
    )


def test_both_hold_the_library_and_nothing_of_the_machine_or_the_solutions(built):
    wheel, sdist = built
    with zipfile.ZipFile(wheel) as archive:
        of_wheel = {name: archive.read(name) for name in archive.namelist()}
    with tarfile.open(sdist) as archive:
        files = [each for each in archive.getmembers() if each.isfile()]
        of_sdist = {each.name: archive.extractfile(each).read() for each in files}
        owners = {(each.uname, each.gname) for each in files}
    assert owners == {("", "")}
    for name in ("desk_commands.py", "grading/exports.py", "widgets/js/ui.js"):
        assert f"cnnlesson/{name}" in of_wheel
        assert f"cnnlesson-{__version__}/cnnlesson/{name}" in of_sdist
    tops = {name.split("/")[1] for name in of_sdist}
    allowed = {"cnnlesson", "pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE", "PKG-INFO"}
    assert tops - {".gitignore"} == allowed
    for text in (b"".join(of_wheel.values()), b"".join(of_sdist.values())):
        assert str(ROOT).encode() not in text
        assert b"### BEGIN SOLUTION\n" not in text


def test_the_wheel_works_without_the_source_tree(installed):
    where = call(installed, "python", "-c", "import cnnlesson; print(cnnlesson.__file__)")
    assert where.stdout.startswith(str(installed)), where.stderr
    assert __version__ in call(installed, "cnnlesson", "--version").stdout


@pytest.mark.nbgrader
def test_its_doctor_speaks(installed):
    """Its sandbox may not see the packages that lie elsewhere, so it may end either way."""
    told = call(installed, "cnnlesson", "doctor")
    lines = told.stdout.splitlines()
    assert f"Fine: cnnlesson, {__version__}." in lines, told.stderr
    assert lines[-1] == f"Grading {'works' if told.returncode == 0 else 'would not work'} here."
    assert [line for line in lines if line.startswith("Not here: a course, ")]


@pytest.mark.index
@pytest.mark.sandbox
@pytest.mark.parametrize(("page", "programs"), INSTALLING.items())
def test_what_a_page_installs_can_grade(page, programs, built, tmp_path, clean_environment):
    (command,) = [line for line in manual.commands(page) if line.startswith("pip install")]
    venv.create(tmp_path / "env", symlinks=True, with_pip=True)
    (tmp_path / "dist").mkdir()
    shutil.copy(built[0], tmp_path / "dist")
    path = os.pathsep.join([str(tmp_path / "env/bin"), clean_environment["PATH"]])
    active = clean_environment | {"PATH": path}
    subprocess.run(["bash", "-ec", command], cwd=tmp_path, env=active, check=True)
    for program in programs:
        assert call(tmp_path / "env", program, "--version").returncode == 0
    told = call(tmp_path / "env", "cnnlesson", "doctor")
    assert told.returncode == 0, told.stdout
    assert told.stdout.endswith("Grading works here.\n")
