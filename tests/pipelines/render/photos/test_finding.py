"""Finding many photos: in several processes as in one, again after a kill, and without reading what is known."""

from __future__ import annotations

import dataclasses
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipelines.render import run
from pipelines.render.config import DepthConfig, RenderConfig, SourceConfig
from pipelines.render.photos import finding, known_hashes
from pipelines.render.photos.finding import Hashing, find_photos
from pipelines.render.photos.known_hashes import KnownHashes
from pipelines.render.plan.plan import plan_lines
from shards.parallel import Workers

BATCH = 512
KILLED = """
import os, signal, sys
from pathlib import Path
from pipelines.render.photos import known_hashes
from pipelines.render.photos.finding import Hashing, find_photos
from pipelines.render.photos.known_hashes import KnownHashes
from shards.parallel import Workers

class Killed(KnownHashes):
    def store(self):
        super().store()
        if len(list(meta.glob("hashes-*.npy"))) == 2:
            os.kill(os.getpid(), signal.SIGKILL)

if __name__ == "__main__":
    photos, meta = map(Path, sys.argv[1:])
    known_hashes.RACY_S, known_hashes.PIECE_RECORDS = -60.0, 1
    find_photos(str(photos), limit=None, seed=0, hashing=Hashing(False, Workers(1), Killed(meta, meta.mkdir)))
"""


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Locations of the photos that this process reads."""
    locations: list[str] = []
    read = finding.content_hashes

    def counted(location: str, near: bool) -> object:
        locations.append(location)
        return read(location, near)

    monkeypatch.setattr(finding, "content_hashes", counted)
    monkeypatch.setattr(known_hashes, "RACY_S", -60.0)
    return locations


def write_files(folder: Path, count: int) -> Path:
    folder.mkdir()
    for number in range(count):
        (folder / f"{number:05d}.jpg").write_bytes(b"photo %d" % number)
    return folder


def test_a_planning_that_was_killed_goes_on_where_it_was(tmp_path: Path, reads: list[str]) -> None:
    photos, meta = write_files(tmp_path / "photos", 2 * BATCH + 100), tmp_path / "meta"
    script = tmp_path / "killed.py"
    script.write_text(KILLED.replace("meta.mkdir", "lambda: meta.mkdir(exist_ok=True)"))
    child = subprocess.run([sys.executable, str(script), str(photos), str(meta)], timeout=120, check=False)
    assert child.returncode == -signal.SIGKILL
    known = KnownHashes(meta, lambda: None)
    found = find_photos(str(photos), limit=None, seed=0, hashing=Hashing(False, Workers(1), known))
    assert len(reads) == 100
    known.store()
    assert found == find_photos(str(photos), limit=None, seed=0)
    reads.clear()
    assert found == find_photos(str(photos), limit=None, seed=0, hashing=Hashing(False, Workers(1), KnownHashes(meta)))
    assert reads == []
    (photos / "00007.jpg").write_bytes(b"photo x")
    again = find_photos(str(photos), limit=None, seed=0, hashing=Hashing(False, Workers(1), KnownHashes(meta)))
    assert reads == [str(photos / "00007.jpg")]
    assert [photo.name for photo in again.sources if photo not in list(found.sources)] == ["00007.jpg"]


@pytest.fixture
def tiny_jpegs(tmp_path: Path) -> RenderConfig:
    """Small photos, every tenth nearly as the one before it; one has a depth map."""
    random = np.random.default_rng(0)
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(300):
        coarse = Image.fromarray(random.integers(0, 256, (8, 8), np.uint8)) if number % 10 != 9 else coarse
        coarse.resize((64, 64), Image.Resampling.BICUBIC).save(folder / f"{number:05d}.jpg", quality=50 + number % 10)
    np.save(folder / "00000.npy", np.linspace(0, 1, 64 * 64, dtype=np.float32).reshape(64, 64))
    return RenderConfig(
        SourceConfig(str(folder)), tmp_path / "out", depth=DepthConfig("sidecar", depth_kind="relative")
    )


def test_the_plan_has_the_same_bytes_whatever_the_number_of_processes(
    tiny_jpegs: RenderConfig, monkeypatch: pytest.MonkeyPatch, reads: list[str]
) -> None:
    monkeypatch.setattr(run, "cores", lambda: 1)
    alone = b"".join(plan_lines(run.plan(tiny_jpegs).plan))
    assert len(reads) == 300
    reads.clear()
    monkeypatch.setattr(run, "cores", lambda: 2)
    together = run.plan(tiny_jpegs)
    assert reads == []  # not by this process
    assert b"".join(plan_lines(together.plan)) == alone
    assert alone.count(b'"near_hash": ""') == 0
    assert not tiny_jpegs.out.exists()


def test_a_dry_run_uses_what_is_known_and_a_run_keeps_it_through_overwrite(
    tiny_config: RenderConfig, reads: list[str]
) -> None:
    run.forecast(tiny_config)
    assert not tiny_config.out.exists()
    run.render(tiny_config)
    reads.clear()
    run.forecast(tiny_config)
    over = dataclasses.replace(tiny_config, seed=3, growth=dataclasses.replace(tiny_config.growth, overwrite=True))
    run.render(over)
    run.render(dataclasses.replace(over, growth=tiny_config.growth))
    assert reads == []
