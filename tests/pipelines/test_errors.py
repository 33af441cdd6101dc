"""The boundaries around parsers of foreign bytes."""

from __future__ import annotations

import errno
import struct

import pytest

from pipelines.errors import Rejection, UserError, one_line, refusing, rejecting


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (struct.error("unpack"), "unreadable"),
        (OverflowError("too big"), "unreadable"),
        (SyntaxError("header"), "unreadable"),
        (RecursionError("deep"), "unreadable"),
        (MemoryError(), "too_large"),
        (FileNotFoundError(errno.ENOENT, "No such file"), "missing"),
        (OSError(errno.EFBIG, "it must have less"), "too_large"),
        (OSError(errno.EACCES, "Permission denied"), "unreadable"),
        (KeyError("\ud800\n"), "unreadable"),
    ],
)
def test_whatever_a_parser_raises_is_a_rejection(error: Exception, code: str) -> None:
    with pytest.raises(Rejection) as caught, rejecting("depth", subject="a.npy"):
        raise error
    rejection = caught.value
    assert (rejection.stage, rejection.code) == ("depth", code)
    assert rejection.message.startswith("a.npy: ")
    assert len(rejection.message) > len("a.npy: ")
    assert "\n" not in rejection.message
    rejection.message.encode("utf-8")


def test_a_rejection_keeps_its_code_and_gets_its_subject() -> None:
    with pytest.raises(Rejection, match=r"^depth/truncated: a.npy: cut$"), rejecting("photo", subject="a.npy"):
        raise Rejection("depth", "truncated", "cut")


@pytest.mark.parametrize("error", [UserError("no"), OSError(errno.EMFILE, "Too many open files"), KeyboardInterrupt()])
def test_what_is_the_fault_of_no_photo_goes_through(error: BaseException) -> None:
    with pytest.raises(type(error)), rejecting("photo"):
        raise error


def test_a_file_that_a_run_rests_on_is_a_user_error() -> None:
    message = r"^the plan x cannot be used: 'shards'; choose another$"
    with pytest.raises(UserError, match=message), refusing("the plan x", "choose another"):
        raise KeyError("shards")
    with pytest.raises(PermissionError), refusing("the plan x", "choose another"):
        raise PermissionError(errno.EACCES, "no")


def test_one_line_is_bounded_and_never_empty() -> None:
    assert one_line(ValueError("a\n  b")) == "a b"
    assert one_line(ValueError()) == "ValueError"
    assert len(one_line(ValueError("x" * 10_000))) == 300
