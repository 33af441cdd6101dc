"""Every command and every Python block of README, CONTRIBUTING and docs runs, or a table says why it is not run.

TRANSCRIPT=FILE writes what was run, with exit codes, seconds and the last lines of each answer.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import yaml
from huggingface_hub import constants
from PIL import Image

from pipelines.__main__ import main
from pipelines.benchmark import test_set
from pipelines.render.sample.psf_file import read_psf_table
from tests.documentation import place
from tests.documentation.commands import PROGRAM, ROOT, Block, Fence, blocks, command_lines, fences, variants, words

NOT_RUN = {
    r"make (test|test-\w+|lint)|\.ci/run|pytest .*": "runs tests: `.ci/run` runs them all",
    r"make setup(-dev)?|pip install .*|pre-commit install|apt-get .*": "installs packages: test_wheel.py, `.ci/run`",
    r".*s3://.*": "needs a bucket: tests/pipelines/stores has a server of its own",
    r".* --push.*|hf .*": "needs the hub: tests/pipelines/export/test_publish.py stands in for it",
    r"git lfs pull": "needs a repository of photos that has LFS",
    r"make weights": "replaces the weights of the package, after hours",
    r"make pictures": "needs a browser, and replaces pictures of docs/",
    r"python -m pipelines.bench.growth .*": "takes hours: tests/pipelines/bench/test_growth.py runs it small",
    r"(make|refocus-foundry) validate.*": "path-traces for minutes: tests/pipelines/validate runs its parts",
    r"python -m pipelines.validate.checks.run": "takes minutes: tests/pipelines/validate/checks runs its parts",
    r"python -m tests.pipelines.stores.table": "takes minutes: `make test-faults` does the same",
    r"(make|refocus-foundry) VERB.*": "stands for each verb: test_docs.py compares verbs and targets",
}
"""Command, as a pattern of the whole -> reason."""
ADDED = {
    r"render .*": place.RENDER,
    r"render .*builtin:.*|render --recipe demo .*": "--limit 3",
    r"doctor.*": "--depth sidecar",  # no depth model is here
    r"train .*": place.TRAIN,
    r"benchmark.*": "--contestants truth identity --steps 1",
    r"experiment --study ways.*": "--arms 'U-Net photo, rendered' 'reference as it is'",
    r"experiment.*": "--long-side 48 --model unet-tiny --seeds 0 --steps 2"
    " --scenes 1 --held-out-scenes 1 --batch-size 1",
    r"audit .*": "--samples 2",
    r"bench( .*)?": "--quick --parts reader",
    r"gpu.*": "--device cpu --out out/gpu.md --parts depth",
    r".*traced_stacks .*": "--width 48 --samples 1",
    r".*vetting_roc .*": "--photos more/photos",
    r".*scene_sheet .*": "--rows 1 --columns 2 --long-side 60",
}
"""Verb with its arguments, as a pattern of the whole -> flags that make it small; a later flag holds."""
EXIT_CODES = {r".*--format fossa": 2}  # only for depth in meters, which docs/export.md says
DIRS = {
    r".*--predictions DIR.*": place.answers,
    r".*DIR --layout zedd.*": place.camera_stacks,
    r".* --map .*|make audit OUT=DIR": place.another_data_set,
    r"python .*stereo DIR": place.stereo_pair,
}
"""Command, as a pattern of the whole -> what writes the DIR that it reads."""
GIVEN = {
    "simulate(radius, field)": """
import numpy as np
radii, fields = [-4.0, 4.0], [0.0, 1.0]
def simulate(radius, field):
    return np.ones((3, 9, 9))
"""
}
"""Piece of a Python block -> names that its text calls yours."""
BLOCKS = blocks()
PYTHON = [fence for fence in fences() if fence.language == "python"]


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made once; every block gets a copy."""
    folder = tmp_path_factory.mktemp("place")
    place.furnish(folder)
    return folder


def note(*lines: str) -> None:
    """Write to the transcript."""
    if path := os.environ.get("TRANSCRIPT"):
        with open(path, "a", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in lines)


@pytest.fixture
def here(furnished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, as_in_production: None) -> Path:
    """The folder where the block is pasted, without a hub and with a small test set."""
    folder = shutil.copytree(furnished, tmp_path / "here")
    (folder / "Makefile").symlink_to(ROOT / "Makefile")
    (folder / ".venv").mkdir()
    for name in ("setup.cfg", "pyproject.toml", "constraints.txt"):
        (folder / name).symlink_to(ROOT / name)
    for name in (".ready", ".dev", ".extra-train", ".extra-validate", ".extra-benchmark"):
        (folder / ".venv" / name).touch()
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(folder / "hub-cache"))
    monkeypatch.setattr(test_set, "_recipes", lambda part: place.SCENES)
    monkeypatch.chdir(folder)
    return folder


def why_not_run(command: str) -> str | None:
    return next((reason for pattern, reason in NOT_RUN.items() if re.fullmatch(pattern, command)), None)


def exit_code(command: str) -> int:
    return next((code for pattern, code in EXIT_CODES.items() if re.fullmatch(pattern, command)), 0)


def added(arguments: list[str]) -> list[str]:
    line = " ".join(arguments)
    return [word for pattern, flags in ADDED.items() if re.fullmatch(pattern, line) for word in words(flags)]


def run(command: list[str], cleared: set[str]) -> int:
    """The exit code of a command; of `make`, of the last command that its target gives."""
    program, *arguments = command
    if program == "make":
        ours = ("MAKE", "MFLAGS", "FLAGS")  # of the make that runs the tests
        outside = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        shown = subprocess.check_output(["make", "-n", *arguments], text=True, env=outside)
        codes = [run(words(line), cleared) for line in command_lines(shown)]
        return max(codes)
    if program.endswith("refocus-foundry"):
        clear(arguments, cleared)
        extra = added(arguments)
        note(f"  {' '.join(['refocus-foundry', *arguments])}{' + ' if extra else ''}{' '.join(extra)}")
        try:
            return main([*arguments, *extra])
        except SystemExit as end:
            return int(end.code or 0)
    if program.endswith("python"):
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        return subprocess.run([sys.executable, *arguments, *added(arguments)], env=environment).returncode
    if program == "awk":
        return subprocess.run(command).returncode
    raise AssertionError(f"{program} is neither run nor in NOT_RUN")


def clear(arguments: list[str], cleared: set[str]) -> None:
    """Remove the folder that is written when a block first writes it: it comes from `place`."""
    for flag, folder in pairwise(arguments):
        if flag in ("--out", "--to") and arguments[0] != "doctor" and folder not in cleared:
            shutil.rmtree(folder, ignore_errors=True)
            cleared.add(folder)


@pytest.mark.slow
@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.place)
def test_commands_run(block: Block, here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    cleared: set[str] = set()
    above: dict[str, str] = {}
    failed = []
    note(f"\n{block.place}")
    for command in block.commands:
        note(f"$ {command}")
        if reason := why_not_run(command):
            note(f"  not run: {reason}")
            continue
        for write in (write for pattern, write in DIRS.items() if re.fullmatch(pattern, command)):
            write(here / "DIR")
        verb = " ".join(command.split()[:2])
        if " ... " not in command:
            above[verb] = command.partition(verb)[2]
        whole = command.replace(" ...", above.get(verb, ""))
        for variant in variants(whole):
            if variant != whole:
                cleared.clear()  # each way of a command begins anew
            capfd.readouterr()
            start = time.perf_counter()
            code = run(words(variant), cleared)
            said = capfd.readouterr()
            if code in (130, 143):  # verbs take SIGINT and SIGTERM, which were meant for pytest
                pytest.exit(f"interrupted in {variant}")
            note(f"  exit code {code}, {time.perf_counter() - start:.1f} s")
            note(*(f"  | {line}" for line in (said.out or said.err).splitlines()[-3:]))
            if code != exit_code(variant):
                failed.append(f"{variant}: exit code {code}\n{said.out[-500:]}{said.err[-1500:]}")
    assert not failed, "\n".join(failed)


def test_no_table_has_a_stale_entry() -> None:
    """Each pattern matches a command that the documentation still has."""
    known = {command for block in BLOCKS for command in block.commands}
    stale = [p for p in (*NOT_RUN, *DIRS) if not any(re.fullmatch(p, command) for command in known)]
    assert stale == []


def test_every_fence_is_of_a_known_kind() -> None:
    """Commands (no language), Python, JSON, YAML, or `text` without a command in it."""
    for fence in fences():
        where = f"{fence.page}:{fence.line}"
        lines = command_lines(fence.text)
        if fence.language in ("", "sh"):
            assert [line for line in lines if not PROGRAM.match(line)] == [], f"{where}: ```text, or a new program?"
        elif fence.language == "text":
            assert [line for line in lines if PROGRAM.match(line)] == [], f"{where}: a command in ```text"
        elif fence.language in ("json", "yaml"):
            assert yaml.safe_load(fence.text), where
        else:
            assert fence.language == "python", f"{where}: a block of the kind {fence.language}"


@pytest.mark.parametrize("fence", PYTHON, ids=lambda fence: f"{fence.page}:{fence.line}")
def test_python_runs(fence: Fence, here: Path) -> None:
    names: dict[str, object] = {"__name__": "__main__"}
    for piece in [piece for name, piece in GIVEN.items() if name in fence.text]:
        exec(piece, names)
    exec(compile(fence.text, f"{fence.page}:{fence.line}", "exec"), names)
    if "frame_{number}.png" in fence.text:
        frames_are_in_focus_where_asked(here)
    if "triplet.npz" in fence.text:
        assert read_psf_table(here / "triplet.npz").name == "triplet 50 mm f/2.8"


def frames_are_in_focus_where_asked(folder: Path) -> None:
    """The simulator alone: planes 0.2 and 0.8 of the person (0.7 to 1) before a wall (0 to 0.3)."""
    names = ("photo.jpg", "frame_0.png", "frame_1.png")
    photo, far, near = (np.asarray(Image.open(folder / name), np.float32) for name in names)
    codes = np.asarray(Image.open(folder / "photo.disparity.png"), np.float32) / 65535
    for frame, plane in ((far, 0.2), (near, 0.8)):
        error = np.abs(frame - photo).mean(axis=2)
        assert error[np.abs(codes - plane) < 0.02].mean() < 0.5 * error[np.abs(codes - plane) > 0.4].mean()
