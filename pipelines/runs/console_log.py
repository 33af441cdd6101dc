"""Notes on what a run is doing: lines on stderr, so that stdout carries results alone."""

import logging
import sys


class _ToStderr(logging.Handler):
    """Looks stderr up for every line: a progress bar replaces it while it is drawn."""

    def emit(self, record: logging.LogRecord) -> None:
        print(self.format(record), file=sys.stderr)


def log_to_stderr() -> None:
    """Our own notes from INFO on, libraries' from WARNING on."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s", handlers=[_ToStderr()])
    logging.getLogger("pipelines").setLevel(logging.INFO)
