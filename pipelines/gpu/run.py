"""The verb `gpu`: every part in a process of its own, one after the other; then the page."""

import logging
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from pipelines.bench.machine import this_machine
from pipelines.gpu.config import GpuConfig
from pipelines.gpu.measured import Measured
from pipelines.gpu.parts import MINIATURE_LIMIT_S, PARTS, Part
from pipelines.gpu.report import GpuReport, PartReport
from pipelines.runs.device import resolve_device
from pipelines.runs.interruption import interruptible

TOTAL_S = 470.0
"""On a GPU, so that the whole stays under eight minutes."""
GRACE_S = 5.0
"""Between SIGTERM and SIGKILL: Ray's processes end with their driver."""

_log = logging.getLogger(__name__)


def run(config: GpuConfig) -> GpuReport:
    """Run the parts, write the page and its JSON. A part that fails or takes too long does not end the others.

    Raises UserError when there is no such device, and Interrupted on SIGINT and SIGTERM.
    """
    parts: dict[str, Part] = {name: part for name, part in PARTS.items() if name in config.parts}
    if resolve_device(config.device) == "cpu":
        parts = {name: replace(part, limit_s=MINIATURE_LIMIT_S) for name, part in parts.items()}
    return examine(config, parts)


def examine(config: GpuConfig, parts: Mapping[str, Part]) -> GpuReport:
    """The same for any parts."""
    device = resolve_device(config.device)
    machine = this_machine(device, threads=1)
    start, reports = time.monotonic(), []
    with interruptible(), TemporaryDirectory(prefix="refocus-gpu-") as folder:
        for name, part in parts.items():
            left_s = TOTAL_S - (time.monotonic() - start) if device == "cuda" else math.inf
            limit_s = min(part.limit_s, left_s)
            reports.append(_report(name, part.function, device, limit_s, Path(folder)))
            _log.info("%s: %s after %.0f s", name, reports[-1].outcome, reports[-1].seconds)
    report = GpuReport(machine, str(config.page(device)), round(time.monotonic() - start, 1), tuple(reports))
    report.write()
    return report


def _report(name: str, function: str, device: str, limit_s: float, folder: Path) -> PartReport:
    """One part, in a process group of its own so that it ends with all its children."""
    out, log = folder / f"{name}.json", folder / f"{name}.log"
    command = [sys.executable, "-m", "pipelines.gpu.part", function, device, str(out)]
    interpreter = {"TRITON_INTERPRET": "1"} if device == "cpu" else {}
    start = time.monotonic()
    with log.open("wb") as stream:
        process = subprocess.Popen(
            command, stdout=stream, stderr=stream, env=os.environ | interpreter, start_new_session=True
        )
        try:
            code = process.wait(max(0.0, limit_s))
            outcome = "done" if code == 0 and out.exists() else f"failed: {_last_line(log, code)}"
        except subprocess.TimeoutExpired:
            outcome = f"stopped: not done within {limit_s:.0f} s"
        finally:
            _end(process)
    seconds = round(time.monotonic() - start, 1)
    found = Measured.from_text(out.read_text("utf-8")) if outcome == "done" else Measured({})
    return PartReport(name, outcome, seconds, tuple(found.complaints), found.sections)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End what is left of the part's process group."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(GRACE_S)
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _last_line(log: Path, code: int) -> str:
    lines = log.read_text("utf-8", "replace").strip().splitlines()
    line = lines[-1][:300] if lines else f"exit code {code}"
    return f"{line}; pip install 'refocus-foundry[train]'" if line.startswith("ModuleNotFoundError") else line
