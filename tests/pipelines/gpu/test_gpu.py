"""The examination in miniature: whatever happens to a part, the others are run and the page is written."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
import torch

from pipelines.errors import UserError
from pipelines.gpu import correctness
from pipelines.gpu.config import PARTS as PART_NAMES
from pipelines.gpu.config import GpuConfig
from pipelines.gpu.parts import PARTS, Part
from pipelines.gpu.run import TOTAL_S, examine, run
from tests.pipelines.gpu import faulty_parts

FAULTY = "tests.pipelines.gpu.faulty_parts"


def is_alive(pid: int) -> bool:
    """Whether the process runs; one that ended and waits for its parent to hear of it does not."""
    status = Path(f"/proc/{pid}/stat")
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z"


def test_a_part_that_fails_or_hangs_does_not_end_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(faulty_parts.CHILD_FILE, str(tmp_path / "child"))
    page = tmp_path / "pages" / "gpu.md"
    parts = {
        "raising": Part(f"{FAULTY}:raises", 60.0),
        "hanging": Part(f"{FAULTY}:hangs", 8.0),
        "refusing": Part(f"{FAULTY}:refuses", 60.0),
        "wrong": Part(f"{FAULTY}:complains", 60.0),
        "depth": PARTS["depth"],
    }
    report = examine(GpuConfig(out=page, device="cpu"), parts)
    assert {part.name: part.outcome for part in report.parts} == {
        "raising": "failed: RuntimeError: no kernel image for cpu",
        "hanging": "stopped: not done within 8 s",
        "refusing": "failed: the data set must be there",
        "wrong": "done",
        "depth": "done",
    }
    assert report.exit_code == 1
    child = int((tmp_path / "child").read_text())
    for _ in range(50):
        if not is_alive(child):
            break
        time.sleep(0.1)
    assert not is_alive(child)
    text, stored = page.read_text(), json.loads(page.with_suffix(".json").read_text())
    for words in ("# Examination in miniature", "- wrong: plain: 12.5 dB", "| photos_per_s", "## hanging: stopped"):
        assert words in text
    assert [part["outcome"] for part in stored["parts"]] == [part.outcome for part in report.parts]
    assert stored["parts"][4]["sections"] == report.parts[4].sections


def test_two_parts_in_miniature(tmp_path: Path) -> None:
    report = run(GpuConfig(out=tmp_path / "gpu.md", device="cpu", parts=("depth", "training")))
    assert [(part.name, part.outcome) for part in report.parts] == [("depth", "done"), ("training", "done")]
    assert report.exit_code == 0
    ((row,),) = report.parts[1].sections.values()
    assert row["tflop_per_s"] == pytest.approx(row["tflop_per_step"] / row["step_ms"] * 1e3)
    assert row["of_matmul"] > 0
    assert row["samples_per_s"] * row["step_ms"] == pytest.approx(1e3 * row["groups_per_step"])


@pytest.mark.slow
def test_the_whole_miniature(tmp_path: Path) -> None:
    report = run(GpuConfig(out=tmp_path / "gpu.md", device="cpu"))
    assert [part.outcome for part in report.parts] == ["done"] * len(PART_NAMES), report.markdown()
    assert report.exit_code == 0, report.markdown()


def test_pictures_that_differ_are_found() -> None:
    expected = torch.linspace(0.0, 1.0, 10_000)

    def off_by(step: float, pixels: int) -> correctness.Agreement:
        def case(device: str) -> torch.Tensor:
            values = expected.clone()
            values[:pixels] += 0.0 if device == "cpu" else step
            return values

        return correctness.agreement("case", case, "cuda")

    assert off_by(1e-6, 10_000).holds
    assert off_by(0.05, 1).holds  # a single pixel may fall to the other side of an edge
    assert not off_by(0.05, 2).holds
    assert not off_by(2e-3, 10_000).holds  # 54 dB: below a step of 8 bits, but everywhere
    assert not off_by(float("nan"), 1).holds


def test_every_part_has_its_time_within_eight_minutes() -> None:
    assert tuple(PARTS) == PART_NAMES
    assert sum(part.limit_s for part in PARTS.values()) <= TOTAL_S < 480


def test_no_part_is_no_examination() -> None:
    with pytest.raises(UserError, match="--parts must name some of kernels correctness"):
        GpuConfig(parts=())
