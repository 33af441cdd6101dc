"""Parts that fail, each in its way; they run in processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from pipelines.errors import UserError
from pipelines.gpu.measured import Measured

CHILD_FILE = "TEST_GPU_CHILD"


def raises(device: str) -> Measured:
    raise RuntimeError(f"no kernel image for {device}")


def refuses(device: str) -> Measured:
    raise UserError("the data set must be there")


def complains(device: str) -> Measured:
    return Measured({"Found": [{"case": "plain", "psnr_db": 12.5}]}, ("plain: 12.5 dB",))


def hangs(device: str) -> Measured:
    """With a child that outlives it, if nobody ends both."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    Path(os.environ[CHILD_FILE]).write_text(str(child.pid))
    time.sleep(600)
    return Measured({})
