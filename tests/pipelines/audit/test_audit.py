"""A sound data set passes; each planted fault fails on its own line."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from pipelines.__main__ import main
from pipelines.audit.config import AuditConfig
from pipelines.audit.report import AuditReport
from pipelines.audit.run import audit
from pipelines.errors import UserError
from shards import Sample
from tests.pipelines.audit import data_set
from tests.pipelines.audit.data_set import PlanesUniformInDisparity, person_before_a_wall, relabeled, renamed, write

MEASURED = 3


@pytest.fixture(scope="module")
def sound() -> list[Sample]:
    return data_set.samples()


def audited(out: Path, samples: Sequence[Sample], measured: int = MEASURED) -> AuditReport:
    return audit(AuditConfig(write(out, samples), samples=measured))


def failed(report: AuditReport) -> set[str]:
    return {check.name for check in report.checks if not check.passed}


def line(report: AuditReport, name: str) -> dict[str, object]:
    return next(line.to_json() for line in report.checks if line.name == name)


def test_a_sound_data_set_passes_every_line(sound: list[Sample], tmp_path: Path) -> None:
    report = audited(tmp_path, sound)
    assert failed(report) == set()
    assert [line.name for line in report.checks if line.figure is None] == []
    assert report.exit_code == 0
    assert line(report, "re-rendered")["figure"] == 0.0  # bit by bit, from a lossless shard
    assert (report.samples, report.frames, report.measured) == (12, 96, MEASURED)


def test_labels_that_say_more_blur_than_there_is(sound: list[Sample], tmp_path: Path) -> None:
    """K × 1.3 in the labels, everywhere."""
    report = audited(tmp_path, [relabeled(sample, 1.3) for sample in sound])
    assert {"blur scale", "re-rendered"} <= failed(report)
    assert "one blur convention" not in failed(report)  # wrong, but all in the same way
    details = line(report, "blur scale")["details"]
    assert isinstance(details, dict)
    assert details["median_ratio"] == pytest.approx(1 / 1.3, rel=0.04)


def test_two_conventions_of_blur_mixed(sound: list[Sample], tmp_path: Path) -> None:
    """Diameters among radii, in one of three samples."""
    mixed = [relabeled(sample, 2.0) if i % 3 == 0 else sample for i, sample in enumerate(sound)]
    report = audited(tmp_path, mixed, measured=6)  # of every other sample
    assert "one blur convention" in failed(report)
    assert "blur scale" not in failed(report)  # most are right
    assert set(report.to_json()["checks"][2]["worst_keys"]) == {"00000000", "00000006"}


def test_planes_uniform_in_disparity(tmp_path: Path) -> None:
    """A rim of three soft pixels around the person is all there is between person and wall."""

    def soft(number: int) -> np.ndarray:
        return cv2.GaussianBlur(person_before_a_wall(number), (0, 0), 0.7)

    with PlanesUniformInDisparity():
        samples = data_set.samples(soft)
    report = audited(tmp_path, samples, measured=1)  # the line is of all labels
    assert "empty planes" in failed(report)
    assert not {"blur scale", "re-rendered"} & failed(report)  # the labels are true, the planes badly chosen
    assert line(report, "empty planes")["figure"] == pytest.approx(0.5, abs=0.1)  # two of the four planes


def test_depth_in_8_bits_or_fewer(tmp_path: Path) -> None:
    def coarse(number: int) -> np.ndarray:
        return (np.rint(127 * person_before_a_wall(number)) / 127).astype(np.float32)  # treads of 3 px

    report = audited(tmp_path, data_set.samples(coarse), measured=1)
    assert failed(report) == {"depth levels"}
    assert len(report.to_json()["checks"][8]["worst_keys"]) == 5


@pytest.mark.parametrize("why", ["scene", "look"])
def test_a_scene_in_two_splits(sound: list[Sample], tmp_path: Path, why: str) -> None:
    scene = sound[4].record.scene_id if why == "scene" else "0123456789abcdef"
    report = audited(tmp_path, [*sound, renamed(sound[4], "00000012", "val", scene)], measured=1)
    assert failed(report) == {"splits"}
    assert line(report, "splits")["details"] == {"pairs": [["00000004", "00000012", why]]}


def test_one_blur_for_all_is_a_cap(sound: list[Sample], tmp_path: Path) -> None:
    def capped(sample: Sample) -> Sample:
        return relabeled(sample, 5.0 / sample.record.frames[-1].blur_level)

    report = audited(tmp_path, [capped(sample) for sample in sound], measured=1)
    assert "radius cap" in failed(report)
    levels = sum(sample.record.levels for sample in sound)  # two in most samples
    assert line(report, "radius cap")["figure"] == pytest.approx(len(sound) / levels)


def test_frames_of_another_plane_are_noticed(sound: list[Sample], tmp_path: Path) -> None:
    """Three planes show the frame of the fourth, and the fourth that of the first; labels stay."""
    order = [3, 3, 3, 0, 7, 7, 7, 4]
    report = audited(tmp_path, [dataclasses.replace(sample, frames=sample.frames[order]) for sample in sound])
    assert {"sharpest plane", "stacking identity", "re-rendered"} <= failed(report)


def test_the_same_audit_gives_the_same_bytes(sound: list[Sample], tmp_path: Path) -> None:
    audited(tmp_path, sound, measured=1)
    first = (tmp_path / ".meta" / "audit.json").read_bytes()
    audit(AuditConfig(tmp_path, samples=1))
    assert (tmp_path / ".meta" / "audit.json").read_bytes() == first


def test_the_command_says_lines_and_exits_with_4(
    sound: list[Sample], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, [*sound, renamed(sound[0], "00000012", "val", sound[0].record.scene_id)])
    assert main(["audit", str(tmp_path), "--samples", "2", "--json"]) == 4
    told = json.loads(capsys.readouterr().out)
    assert told == json.loads((tmp_path / ".meta" / "audit.json").read_text())
    assert {(entry["name"], entry["passed"]) for entry in told["checks"] if not entry["passed"]} == {("splits", False)}
    assert main(["audit", str(tmp_path), "--samples", "2"]) == 4
    said = capsys.readouterr().out.splitlines()
    assert said[-1] == "13 samples, 104 frames; frames of 2 samples measured: fails on splits (1 not run)"
    assert any(row.startswith("FAIL    splits") and "00000000" in row for row in said)


def test_what_is_no_data_set_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", str(tmp_path / "nowhere")]) == 2
    assert "must be a data set, a tar or a folder of tars" in capsys.readouterr().err
    with pytest.raises(UserError, match="--samples must be at least 1; got 0"):
        AuditConfig(tmp_path, samples=0)
