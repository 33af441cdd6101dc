"""What goes wrong for a user, said in one line: a run that cannot go on, and a photo that is left out."""

import difflib
import errno
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from shards.object_store import StoreError

_MOST_OF_ERROR = 300  # characters: parsers quote what they stumble over
_OUT_OF_HANDLES = (errno.EMFILE, errno.ENFILE)


class UserError(Exception):
    """The run cannot go on, and the user can do something about it.

    The message is one line: the thing, what must hold, what came, the way out. The command line prints it
    without a traceback and exits with `exit_code` (2: usage, configuration or fingerprint).
    """

    def __init__(self, message: str, exit_code: int = 2) -> None:
        super().__init__(message, exit_code)  # both in `args`, so that the error survives pickling
        self.message = message
        self.exit_code = exit_code

    def __str__(self) -> str:
        return self.message


def require(holds: bool, flag: str, must: str, got: object) -> None:
    """Raise UserError `FLAG must MUST; got GOT` unless the condition holds."""
    if not holds:
        raise UserError(f"{flag} must {must}; got {got}")


def did_you_mean(word: str, words: Sequence[str]) -> str:
    """` (did you mean WORD?)` with the nearest of the words, or nothing when none is near."""
    near = difflib.get_close_matches(word, words, 1)
    return f" (did you mean {near[0]}?)" if near else ""


class Rejection(Exception):
    """One photo is left out and the run goes on.

    `stage` is where it happened ("photo", "depth", ...), `code` a short stable word for counting
    ("truncated"), `message` the reason in one line. Whoever catches it adds which photo it was.
    """

    def __init__(self, stage: str, code: str, message: str) -> None:
        super().__init__(stage, code, message)
        self.stage = stage
        self.code = code
        self.message = message

    def __str__(self) -> str:
        return f"{self.stage}/{self.code}: {self.message}"


@contextmanager
def rejecting(stage: str, code: str = "unreadable", subject: str = "") -> Iterator[None]:
    """The one boundary around parsers of foreign bytes: whatever is raised within the block becomes a Rejection.

    Parsers raise nearly anything on hostile bytes: struct.error, OverflowError, RecursionError, MemoryError, the errors
    of C libraries. Nothing of ours but the parser's call belongs into the block. `subject` begins the message. The code
    is `missing` for a file that is not there, `too_large` beyond a bound, else `code`.
    """
    begin = f"{subject}: " if subject else ""
    try:
        yield
    except (UserError, StoreError):
        raise
    except Rejection as rejection:
        if not subject:
            raise
        raise Rejection(rejection.stage, rejection.code, begin + rejection.message) from rejection
    except FileNotFoundError as error:
        raise Rejection(stage, "missing", f"{begin}the file does not exist") from error
    except OSError as error:
        if error.errno in _OUT_OF_HANDLES:  # the fault of no photo
            raise
        found = "too_large" if error.errno == errno.EFBIG else code
        raise Rejection(stage, found, f"{begin}the file cannot be read ({one_line(error)})") from error
    except MemoryError as error:
        raise Rejection(stage, "too_large", f"{begin}it needs more memory than there is") from error
    except RecursionError as error:
        raise Rejection(stage, code, f"{begin}it is nested too deeply") from error
    except Exception as error:
        raise Rejection(stage, code, begin + one_line(error)) from error


@contextmanager
def refusing(what: str, way_out: str) -> Iterator[None]:
    """The same boundary around a file that a whole run rests on: UserError `WHAT cannot be used: WHY; WAY_OUT`.

    An OSError of the system goes through: the command line has a sentence for it.
    """
    try:
        yield
    except (UserError, Rejection, StoreError):
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno is not None:  # Pillow raises OSError, too, for broken bytes
            raise
        raise UserError(f"{what} cannot be used: {one_line(error)}; {way_out}") from error


def one_line(error: Exception) -> str:
    """What an error says, in one line of bounded length and of characters that every encoding has; never empty."""
    said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    text = " ".join(str(said).split()).encode("utf-8", "backslashreplace").decode()
    return text[:_MOST_OF_ERROR] or type(error).__name__
