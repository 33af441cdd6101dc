from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.shards.synthetic import write_data_set

SIZES = {"train-000000": 3, "train-000001": 2, "val-000000": 1, "test-000000": 0}


@pytest.fixture(scope="session")
def _pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_data_set(tmp_path_factory.mktemp("pristine") / "out", SIZES)


@pytest.fixture
def out(_pristine: Path, tmp_path: Path) -> Path:
    """A finished data set of SIZES that the test may damage."""
    return Path(shutil.copytree(_pristine, tmp_path / "out"))


@pytest.fixture
def disk_calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every fsync and rename in order, such as `sync shards`; a file not yet renamed is called `temporary`."""
    calls: list[str] = []
    fsync, replace = os.fsync, os.replace

    def recorded_fsync(descriptor: int) -> None:
        name = Path(os.readlink(f"/proc/self/fd/{descriptor}")).name
        calls.append(f"sync {'temporary' if '.tmp-' in name else name}")
        fsync(descriptor)

    def recorded_replace(source: Path, target: Path) -> None:
        calls.append(f"rename {target.name}")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", recorded_fsync)
    monkeypatch.setattr(os, "replace", recorded_replace)
    return calls
