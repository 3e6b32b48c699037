"""environment.yml, pyproject.toml and constraints.txt say the same."""

import re
import shutil
import subprocess
import tomllib
from importlib import metadata

import pytest
import yaml
from course import ROOT
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
REQUIREMENTS = [
    Requirement(line)
    for line in [*PROJECT["dependencies"], *(line for extra in EXTRAS.values() for line in extra)]
]
# What `make lab` and `make test` install, but for the browser tests, which a student never runs.
IN_CONDA = [*PROJECT["dependencies"], *EXTRAS["lab"], *EXTRAS["grading"], *EXTRAS["test"]]


def pins(folder=ROOT):
    """Every line of constraints.txt, as name and versions (one per platform or Python)."""
    found = {}
    for line in (folder / "constraints.txt").read_text().splitlines():
        pin = Requirement(line)
        (specifier,) = pin.specifier
        assert specifier.operator == "==", line
        assert pin.url is None, line
        found.setdefault(canonicalize_name(pin.name), []).append(specifier.version)
    return found


@pytest.mark.index
def test_they_are_pinned_anew_by_make(tmp_path, clean_environment):
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy2(ROOT / name, tmp_path)
    (tmp_path / ".venv").symlink_to(ROOT / ".venv")
    # The environment stays as it is, whatever it was made from.
    make = ["make", "constraints", *("--old-file=.venv/created", "--old-file=.venv/with-dev")]
    subprocess.run(make, cwd=tmp_path, env=clean_environment, check=True)
    fresh = pins(tmp_path)
    for requirement in REQUIREMENTS:
        for version in fresh[canonicalize_name(requirement.name)]:
            assert version in requirement.specifier


@pytest.mark.parametrize("requirement", REQUIREMENTS, ids=str)
def test_constraints_pin_a_version_that_pyproject_admits(requirement):
    versions = pins()[canonicalize_name(requirement.name)]
    assert [version for version in versions if version not in requirement.specifier] == []


def test_every_package_that_these_bring_along_is_pinned():
    pinned, seen, waiting = pins(), set(), list(REQUIREMENTS)
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        assert name in pinned, f"{name}: run `make constraints`"
        if (name, *requirement.extras) in seen:
            continue
        seen.add((name, *requirement.extras))
        try:
            brought = map(Requirement, metadata.requires(name) or [])
        except metadata.PackageNotFoundError:  # an extra that is not installed here
            continue
        for each in brought:
            extras = requirement.extras or {""}
            if not each.marker or any(each.marker.evaluate({"extra": extra}) for extra in extras):
                waiting.append(each)
    assert len(seen) > 50


def test_conda_gets_what_make_installs():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    assert environment["name"] == "cnnlesson"
    assert environment["channels"] == ["conda-forge", "nodefaults"]
    *conda, pip = environment["dependencies"]
    assert pip == {"pip": ["--editable .[sandbox]"]}
    python, *packages = [entry for entry in conda if entry != "pip"]
    assert python == f"python {PROJECT['requires-python']}"
    assert sorted(packages) == sorted(
        re.sub(r"(?=[<>=!])", " ", line, count=1) for line in IN_CONDA
    )


def test_no_pin_carries_an_address():
    for name in ("constraints.txt", "environment.yml", "pyproject.toml"):
        assert "://" not in (ROOT / name).read_text()
