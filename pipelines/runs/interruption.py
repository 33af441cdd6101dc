"""SIGINT and SIGTERM as an exception: every `with` on the way out drops what is unfinished."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupted(BaseException):
    """The user, or the machine's scheduler, wants the run to end. Not an Exception: no shard's failure."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(signal_number)
        self.signal_number = signal_number

    @property
    def exit_code(self) -> int:
        """130 for SIGINT, 143 for SIGTERM, as shells have it."""
        return 128 + self.signal_number


@dataclass
class _Mailbox:
    """Signals that came while nobody could take them."""

    is_open: bool = False
    signal_number: int = 0


_mailbox = _Mailbox()


@contextmanager
def interruptible() -> Iterator[None]:
    """Within the block, signals raise Interrupted; afterwards they do again what they did before."""
    if threading.current_thread() is not threading.main_thread():
        yield  # Python hands signals to the main thread alone
        return
    before = {number: signal.getsignal(number) for number in SIGNALS}
    arm()
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def arm() -> None:
    """Install the handlers; again after a library put its own there (ray.init does)."""
    if threading.current_thread() is threading.main_thread():
        for number in SIGNALS:
            signal.signal(number, _handle)


@contextmanager
def deferred() -> Iterator[Callable[[], None]]:
    """Within the block, signals wait until the function that it gives is called, or the block ends.

    For libraries whose compiled code turns an exception out of a handler into another one, as Ray's does.
    """
    _mailbox.is_open, _mailbox.signal_number = True, 0
    try:
        yield _raise_waiting
    finally:
        _mailbox.is_open = False
    _raise_waiting()


def _raise_waiting() -> None:
    if number := _mailbox.signal_number:
        _mailbox.signal_number = 0
        raise Interrupted(number)


def _handle(number: int, _frame: FrameType | None) -> None:
    for each in SIGNALS:
        signal.signal(each, signal.SIG_DFL)  # a second signal ends the process, whatever the clean-up waits for
    if not _mailbox.is_open:
        raise Interrupted(number)
    _mailbox.signal_number = number
