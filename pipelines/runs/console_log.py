"""Notes on what a run is doing: lines on stderr, so that stdout carries results alone."""

import logging
import re
import sys

# C0 and C1 controls but for tab and line end, marks that turn the direction of writing, halves of surrogate pairs.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str) -> str:
    """A text with control characters escaped: names of files and fields must not command the terminal."""
    return _UNPRINTABLE.sub(lambda match: match[0].encode("unicode_escape").decode("ascii"), text)


class _ToStderr(logging.Handler):
    """Looks stderr up for every line: a progress bar replaces it while it is drawn."""

    def emit(self, record: logging.LogRecord) -> None:
        print(printable(self.format(record)), file=sys.stderr)


def log_to_stderr(verbosity: int = 0) -> None:
    """0: our own notes from INFO on, libraries' from WARNING on. Below: warnings alone. Above: theirs, too."""
    logging.basicConfig(format="%(message)s", handlers=[_ToStderr()])
    logging.getLogger().setLevel(logging.INFO if verbosity > 0 else logging.WARNING)
    logging.getLogger("pipelines").setLevel(logging.WARNING if verbosity < 0 else logging.INFO)
