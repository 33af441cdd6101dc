"""SIGINT and SIGTERM as an exception, so that every `with` block on the way out drops unfinished work."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupted(BaseException):
    """A signal asks the run to end. Not an Exception, so that no shard counts as failed."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(signal_number)
        self.signal_number = signal_number

    @property
    def exit_code(self) -> int:
        """130 for SIGINT, 143 for SIGTERM, as shells have it."""
        return 128 + self.signal_number


@dataclass
class _Deferral:
    """Whether signals are deferred, and the number of the one that came meanwhile, or 0."""

    is_active: bool = False
    signal_number: int = 0


_deferral = _Deferral()


@contextmanager
def interruptible() -> Iterator[None]:
    """Within the block, signals raise Interrupted; afterwards the handlers from before are back."""
    if threading.current_thread() is not threading.main_thread():
        yield  # Python hands signals to the main thread alone
        return
    before = {number: signal.getsignal(number) for number in SIGNALS}
    install_handlers()
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def install_handlers() -> None:
    """Let signals raise Interrupted; call it again after a library has put its own handlers there (ray.init does)."""
    if threading.current_thread() is threading.main_thread():
        for number in SIGNALS:
            signal.signal(number, _handle)


@contextmanager
def deferred_signals() -> Iterator[Callable[[], int]]:
    """Within the block, signals do not raise: the function that it gives returns the number of the pending one, or 0.

    A signal that was not asked for raises Interrupted at the end of the block. For libraries whose compiled code turns
    an exception out of a handler into another one, as Ray's does.
    """
    _deferral.is_active, _deferral.signal_number = True, 0
    try:
        yield _pending_signal
    finally:
        _deferral.is_active = False
    if number := _pending_signal():
        raise Interrupted(number)


def _pending_signal() -> int:
    number, _deferral.signal_number = _deferral.signal_number, 0
    return number


def _handle(number: int, _frame: FrameType | None) -> None:
    for each in SIGNALS:
        signal.signal(each, signal.SIG_DFL)  # a second signal ends the process, however long the clean-up takes
    if not _deferral.is_active:
        raise Interrupted(number)
    _deferral.signal_number = number
