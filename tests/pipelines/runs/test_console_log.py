"""What names of files and fields say is shown, never obeyed by the terminal."""

from __future__ import annotations

import io
import logging
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.__main__ import main
from pipelines.runs.console_log import log_to_stderr, printable

CLEAR_SCREEN = "\x1b[2J\x1b]0;owned\x07"


def test_control_characters_are_escaped_and_nothing_else() -> None:
    assert printable(f"a{CLEAR_SCREEN}b") == "a\\x1b[2J\\x1b]0;owned\\x07b"
    assert printable("Größe 日本 é \t two\nlines") == "Größe 日本 é \t two\nlines"
    assert printable("gpj.\u202eexe \x9b31m \udcff \r") == "gpj.\\u202eexe \\x9b31m \\udcff \\r"


@given(st.text())
def test_what_is_printable_can_be_written_and_moves_no_cursor(text: str) -> None:
    shown = printable(text)
    shown.encode("utf-8")
    assert all(character.isprintable() or character in "\t\n" or ord(character) > 0x9F for character in shown)
    assert printable(shown) == shown


def test_names_of_fields_in_a_tar_are_escaped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "shards").mkdir()
    with tarfile.open(tmp_path / "shards" / "train-000000.tar", "w", format=tarfile.USTAR_FORMAT) as tar:
        for _ in range(2):  # a field that is there twice is named
            tar.addfile(tarfile.TarInfo(f"00000000.{CLEAR_SCREEN}"), io.BytesIO())
    assert main(["verify", str(tmp_path)]) == 4
    assert main(["audit", str(tmp_path / "shards")]) == 1
    said = capsys.readouterr()
    for stream in (said.out, said.err):
        assert "\\x1b[2J" in stream
        assert "\x1b" not in stream


def test_names_of_photos_in_the_log_are_escaped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    before = root.handlers[:]
    root.handlers.clear()
    try:
        log_to_stderr()
        logging.getLogger("pipelines.test").warning("photo %s", CLEAR_SCREEN)
    finally:
        root.handlers[:] = before
    assert capsys.readouterr().err == "photo \\x1b[2J\\x1b]0;owned\\x07\n"
