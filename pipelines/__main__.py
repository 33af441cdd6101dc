"""`python -m pipelines VERB`, also installed as `refocus-foundry VERB`."""

import os
import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit code (DESIGN: commands)."""
    from pipelines.command_line import run_command

    try:
        return run_command(sys.argv[1:] if arguments is None else arguments)
    except BrokenPipeError:  # whoever read has gone, as `head` does: nothing to say, and nothing to flush at the end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141  # as SIGPIPE would


if __name__ == "__main__":
    sys.exit(main())
