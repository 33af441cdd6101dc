"""A wheel built from the clone carries everything, and works where the clone is not.

Nothing is downloaded: setuptools builds it, and the dependencies are those of the environment that runs the tests.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("simulator", "shards", "pipelines")
METADATA = ("setup.cfg", "pyproject.toml", "README.md", "LICENSE")
BUILD = "import sys; from setuptools import build_meta; print(build_meta.build_wheel(sys.argv[1]))"
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built in a copy, so that the clone gets no build folder."""
    copy, built = tmp_path_factory.mktemp("clone"), tmp_path_factory.mktemp("wheel")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, copy / package, ignore=shutil.ignore_patterns("__pycache__"))
    for name in METADATA:
        shutil.copy(ROOT / name, copy)
    subprocess.run([sys.executable, "-c", BUILD, str(built)], cwd=copy, check=True, capture_output=True)
    (file,) = built.glob("*.whl")
    return file


def test_every_file_of_the_packages_is_in_the_wheel(wheel: Path) -> None:
    files = [file for package in PACKAGES for file in (ROOT / package).rglob("*") if file.is_file()]
    expected = {file.relative_to(ROOT).as_posix() for file in files if "__pycache__" not in file.parts}
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert packed == expected
    assert {Path(name).suffix for name in packed} >= {".html", ".css", ".js", ".npz", ".typed"}


@pytest.fixture(scope="module")
def run(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The installed program, in a fresh environment and a folder of its own."""
    environment, elsewhere = tmp_path_factory.mktemp("venv"), tmp_path_factory.mktemp("elsewhere")
    venv.create(environment, with_pip=False, symlinks=True)
    python = environment / "bin" / "python"
    install = [sys.executable, "-m", "pip", "--python", str(python), "install", "--no-deps", "--no-index", "--quiet"]
    subprocess.run([*install, str(wheel)], check=True, capture_output=True)
    (site_packages,) = environment.glob("lib/python*/site-packages")
    # The folder joins the path, its .pth files are not read: an editable install of the clone stays out.
    (site_packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

    def run(*command: str) -> subprocess.CompletedProcess[str]:
        program = environment / "bin" / command[0]
        done = subprocess.run(
            [str(program), *command[1:]], cwd=elsewhere, env=variables, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert "Traceback" not in done.stderr
        return done

    return run


@pytest.mark.slow
def test_the_wheel_works_where_the_clone_is_not(run: Run) -> None:
    for package in PACKAGES:
        where = run("python", "-c", f"import {package}; print({package}.__file__)").stdout
        assert "/site-packages/" in where, f"{package} is imported from {where}"
    foundry = "refocus-foundry"
    assert json.loads(run(foundry, "doctor", "--depth", "sidecar", "--json").stdout)
    run(foundry, "render", "--photos", "builtin:2", "--long-side", "96", "--out", "set")
    assert "sound" in run(foundry, "verify", "set").stdout
    run(foundry, "preview", "set")
    run(foundry, "benchmark", "--set-only", "--set", "benchmark")
    listing = run("python", "-c", "print(open('benchmark/set.json').read())").stdout
    assert len(json.loads(listing)["scenes"]) == 9, "five built-in scenes and four path-traced ones"
