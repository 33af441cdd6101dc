"""README's Python runs as pasted, in a folder with what the text around it names."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from tests.pipelines.train.tiny_run import render_scenes

README = Path(__file__).parents[1] / "README.md"
BLOCKS = re.findall(r"```python\n(.*?)```", README.read_text("utf-8"), re.DOTALL)


def run(block: str, folder: Path) -> str:
    made = subprocess.run([sys.executable, "-c", block], cwd=folder, capture_output=True, text=True, timeout=120)
    assert made.returncode == 0, made.stderr
    return made.stdout


def test_the_simulator_alone(tmp_path: Path) -> None:
    (block,) = [block for block in BLOCKS if "render_stack" in block]
    draws = np.random.default_rng(0)
    photo = draws.integers(0, 255, (48, 64, 3), np.uint8)
    Image.fromarray(photo).save(tmp_path / "photo.jpg", quality=100, subsampling=0)
    disparity = np.linspace(0, 65535, 64).astype(np.uint16)[None].repeat(48, 0)
    Image.fromarray(disparity).save(tmp_path / "photo.disparity.png")
    run(block, tmp_path)
    with Image.open(tmp_path / "photo.jpg") as stored:
        shown = np.asarray(stored, np.float32)
    for number, plane in enumerate((0.2, 0.8)):
        frame = np.asarray(Image.open(tmp_path / f"frame_{number}.png"), np.float32)
        assert frame.shape == photo.shape
        column = round(plane * 63)
        assert np.abs(frame - shown)[:, column].mean() < 2  # in focus
        assert np.abs(frame - shown)[:, round((1 - plane) * 63)].mean() > 20


def test_any_tar_reader(tmp_path: Path) -> None:
    (block,) = [block for block in BLOCKS if "tarfile" in block]
    render_scenes(tmp_path / "out" / "demo", 2)
    assert re.match(r"\(\d+, \d+, 3\) 0\.\d+ 0\.\d+ \d", run(block, tmp_path))


def test_there_is_no_other() -> None:
    """A new block needs a test of its own."""
    assert len(BLOCKS) == 2
