"""One part in a process of its own: python -m pipelines.gpu.part MODULE:FUNCTION DEVICE FILE"""

import importlib
import sys
from pathlib import Path

from pipelines.errors import UserError
from pipelines.runs.console_log import log_to_stderr


def main(target: str, device: str, out: str) -> int:
    """Call the function with the device and write what it measured. The last line on stderr says why it failed."""
    log_to_stderr()
    module, _, name = target.partition(":")
    try:
        Path(out).write_text(getattr(importlib.import_module(module), name)(device).to_text(), "utf-8")
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
