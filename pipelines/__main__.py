"""`python -m pipelines VERB`, also installed as `refocus-foundry VERB`."""

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit code (DESIGN: commands)."""
    from pipelines.command_line import run_command

    return run_command(sys.argv[1:] if arguments is None else arguments)


if __name__ == "__main__":
    sys.exit(main())
