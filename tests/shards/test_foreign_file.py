"""Only regular files are opened, and only so much of them is read."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from shards.foreign_file import is_foreign_file, open_foreign, read_foreign


def a_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))


WRONG: dict[str, tuple[Callable[[Path], object], str]] = {
    "a folder": (Path.mkdir, "it is a folder"),
    "a pipe": (os.mkfifo, "it is a pipe"),
    "a link to a device": (lambda path: path.symlink_to("/dev/zero"), "it is a device"),
    "a socket": (a_socket, "No such device or address"),
    "nothing": (lambda path: None, "No such file"),
    "a link to itself": (lambda path: path.symlink_to(path), "Too many levels"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_regular_file_is_refused_at_once(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make, message = WRONG[name]
    monkeypatch.chdir(tmp_path)  # the name of a socket may have 108 bytes
    make(Path("x.jpg"))
    with pytest.raises(OSError, match=message):
        open_foreign(tmp_path / "x.jpg")
    assert not is_foreign_file(tmp_path / "x.jpg")


@pytest.mark.parametrize("name", ["a\0b", "a\ud800", "a" * 300])
def test_names_that_no_file_can_have(name: str, tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"no file can have this name|File name too long"):
        read_foreign(tmp_path / name, max_bytes=10)
    assert not is_foreign_file(tmp_path / name)


def test_a_file_is_read_up_to_its_bound(tmp_path: Path) -> None:
    path = tmp_path / "x.jpg"
    path.write_bytes(b"x" * 10)
    assert is_foreign_file(path)
    assert read_foreign(path, max_bytes=10) == b"x" * 10
    with pytest.raises(OSError, match="it must have at most 9 bytes, it has 10"):
        read_foreign(path, max_bytes=9)


def test_a_file_that_is_called_empty_is_bounded_too() -> None:
    assert os.stat("/proc/meminfo").st_size == 0
    with pytest.raises(OSError, match="it must have at most 9 bytes, it has 10"):
        read_foreign(Path("/proc/meminfo"), max_bytes=9)
