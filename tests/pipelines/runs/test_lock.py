from __future__ import annotations

import errno
import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import fsspec
import pytest

from pipelines.errors import UserError
from pipelines.runs.lock import process_start, run_lock
from shards.object_store import StoreError
from shards.storage import storage_path


def held_by(meta: Path, **changes: object) -> None:
    """A lock as another run on this machine, in the parent process, would have left it."""
    parent = os.getppid()
    holder = {"pid": parent, "host": socket.gethostname(), "process_started": process_start(parent), "locked": "x"}
    (meta / "run.lock").write_text(json.dumps(holder | changes))


def test_a_free_folder_is_locked_and_freed_again(tmp_path: Path) -> None:
    with run_lock(tmp_path, force=False):
        assert json.loads((tmp_path / "run.lock").read_text())["pid"] == os.getpid()
    assert list(tmp_path.iterdir()) == []


def test_it_is_freed_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(KeyError), run_lock(tmp_path, force=False):
        raise KeyError
    assert list(tmp_path.iterdir()) == []


def test_a_second_run_is_told_who_has_it(tmp_path: Path) -> None:
    held_by(tmp_path)
    message = f"in use by process {os.getppid()} on .* since x; wait for it, or pass --force"
    with pytest.raises(UserError, match=message), run_lock(tmp_path, force=False):
        pytest.fail("two runs in one folder")
    assert [path.name for path in tmp_path.iterdir()] == ["run.lock"]


def test_force_takes_it_over_and_the_old_owner_leaves_the_new_lock_alone(tmp_path: Path) -> None:
    with run_lock(tmp_path, force=False):
        held_by(tmp_path)  # somebody forced their way in meanwhile
    assert (tmp_path / "run.lock").exists()
    with run_lock(tmp_path, force=True):
        assert json.loads((tmp_path / "run.lock").read_text())["pid"] == os.getpid()


def test_a_dead_run_leaves_no_lock_that_counts(tmp_path: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    held_by(tmp_path, pid=dead.pid)
    with run_lock(tmp_path, force=False):
        pass


def test_a_process_number_that_went_to_another_process_does_not_count(tmp_path: Path) -> None:
    held_by(tmp_path, process_started="1")
    with run_lock(tmp_path, force=False):
        pass


def test_a_run_on_another_machine_counts_because_nobody_can_know(tmp_path: Path) -> None:
    held_by(tmp_path, host="elsewhere")
    with pytest.raises(UserError, match="on elsewhere"), run_lock(tmp_path, force=False):
        pass


@pytest.mark.parametrize("text", ["", "{", "[]", "{}"])
def test_a_damaged_lock_does_not_count(tmp_path: Path, text: str) -> None:
    (tmp_path / "run.lock").write_text(text)
    with run_lock(tmp_path, force=False):
        pass


@pytest.mark.parametrize("answer", ["lost", "other words", "unknown"])
def test_a_store_may_answer_an_exclusive_creation_in_many_ways(monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    """lost: the lock was made, the request was sent again. unknown: the store does not know exclusive creation."""
    meta = storage_path(f"memory://lock/{answer}")
    memory = type(fsspec.filesystem("memory"))
    plain = memory.pipe_file

    def pipe_file(store: Any, path: str, data: bytes, mode: str = "overwrite") -> None:
        if mode == "create" and answer == "unknown":
            raise OSError(errno.ENOSYS, "a header you provided implies functionality that is not implemented")
        plain(store, path, data)
        if mode == "create":
            raise FileExistsError if answer == "lost" else OSError(errno.EINVAL, "a condition did not hold")

    monkeypatch.setattr(memory, "pipe_file", pipe_file)
    with run_lock(meta, force=False):
        assert json.loads((meta / "run.lock").read_bytes())["pid"] == os.getpid()
        with pytest.raises(UserError, match="in use by process"), run_lock(meta, force=False):
            pytest.fail("two runs in one place")
    assert not (meta / "run.lock").exists()


def test_a_store_that_fails_gives_no_lock_away(monkeypatch: pytest.MonkeyPatch) -> None:
    def down(*_: object, **__: object) -> None:
        raise ConnectionError("reset by peer")

    meta = storage_path("memory://lock/down")
    (meta / "run.lock").write_text("of somebody")
    monkeypatch.setattr(type(fsspec.filesystem("memory")), "cat_ranges", down)
    with pytest.raises(StoreError, match="reset by peer"), run_lock(meta, force=False):
        pytest.fail("nobody knows whose lock it is")
    assert (meta / "run.lock").exists()
