"""Figures of the report: histograms, checks, flags, rejects, runs."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipelines.audit.check import Criterion
from pipelines.audit.report import AuditReport
from pipelines.preview.checks import read_audit, report_checks
from pipelines.preview.figures import bins_of
from pipelines.preview.flags import MEANINGS, closest_planes_px, label_flags, pixel_flags
from pipelines.preview.histogram import CountMap, Histogram, count_map, histogram
from pipelines.preview.reject_gallery import reject_groups
from pipelines.preview.report import make_report
from pipelines.preview.stored import find_stored
from pipelines.render.config import RenderConfig
from pipelines.runs.run_log import RunEntry, append_run, read_runs
from shards import Sample
from tests.pipelines.preview.stack_scene import stack_sample, write_stacks


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return write_stacks(tmp_path / "out", [stack_sample(i) for i in range(3)])


def with_frames(sample: Sample, **changes: float) -> Sample:
    frames = tuple(dataclasses.replace(frame, **changes) for frame in sample.record.frames)
    return dataclasses.replace(sample, record=dataclasses.replace(sample.record, frames=frames))


def test_histograms_count_every_value_once() -> None:
    values = np.random.default_rng(1).uniform(0.2, 7, 500).tolist()
    for log in (False, True):
        counted = histogram("x", values, log=log)
        assert sum(counted.counts) == 500
        assert (counted.edges[0], counted.edges[-1]) == (min(values), max(values))
        expected = sum(counted.edges[3] <= value < counted.edges[4] for value in values)
        assert counted.counts[3] == expected
    assert sum(histogram("x", [2.0, 2.0]).counts) == 2
    assert sum(histogram("x", [2.0], log=True).counts) == 1
    with pytest.raises(ValueError, match="edges must be one more than counts, got 2 and 2"):
        Histogram("x", "", (0.0, 1.0), (1, 2))


def test_samples_stand_in_the_bars_that_count_them(out: Path) -> None:
    samples, unreadable = find_stored(out)
    report = make_report(out, samples, unreadable)
    bins = [bins_of(sample.record, report.figures, report.histograms) for sample in samples]
    for number, (figure, counted) in enumerate(zip(report.figures, report.histograms, strict=True)):
        counts = np.zeros(len(counted.counts), int)
        for sample in samples:
            np.add.at(counts, [counted.bin(value) for value in figure.values(sample.record)], 1)
        assert tuple(counts) == counted.counts
        assert {bin for each in bins for bin in each[number]} == {i for i, count in enumerate(counts) if count}


def test_the_headline_says_what_was_kept_rejected_and_audited(out: Path) -> None:
    report = make_report(out, *find_stored(out))
    assert (report.verdict, report.headline) == ("open", "All 3 photos kept; no check failed; labels not audited")
    lines = [json.dumps({"path": f"{i}.jpg", "stage": "photo", "code": "small", "message": "why"}) for i in range(4)]
    (out / "rejects.jsonl").write_text("\n".join(lines))
    AuditReport(3, 3, 18, (Criterion("radius", "at most", 0.5, "px").measured(0.1, ""),)).write(out)
    report = make_report(out, *find_stored(out))
    assert report.verdict == "passed"
    assert report.headline == "3 of 7 photos kept, 4 rejected; no check failed; labels audited"


def test_a_map_counts_where_points_lie() -> None:
    counted = count_map(("t", "x", "y"), [0.1, 0.1, 0.9, 1.0], [0.1, 0.2, 0.9, 1.0], columns=2, rows=2)
    assert counted.counts == ((2, 0), (0, 2))
    assert (counted.most, counted.covered) == (2, 0.5)


def test_flags_follow_from_labels_and_pixels() -> None:
    plain = stack_sample()
    assert label_flags(plain.record) == []
    assert pixel_flags(plain) == []
    assert label_flags(stack_sample(edges="sharpened").record) == ["sharpened depth"]
    assert label_flags(stack_sample(steps="debanded").record) == ["debanded depth"]
    assert "hardly blurred" in label_flags(with_frames(plain, in_focus_fraction=0.95).record)
    assert "hardly focused" in label_flags(with_frames(plain, in_focus_fraction=0.001).record)
    frames = plain.record.frames
    places = sorted(frame.focus_disparity for frame in frames[3:])
    assert closest_planes_px(frames, 3) == pytest.approx(9.0 * min(places[1] - places[0], places[2] - places[1]))
    assert {"banded depth", "close planes", "damaged", "audit"} <= set(MEANINGS)


def test_banded_depth_is_flagged() -> None:
    sample = stack_sample()
    object.__setattr__(sample, "disparity", sample.disparity // 512 * 512)  # labels would not agree with it any more
    assert pixel_flags(sample) == ["banded depth"]


def test_a_sound_set_passes_and_a_damaged_one_fails(out: Path) -> None:
    samples, unreadable = find_stored(out)
    report = make_report(out, samples, unreadable)
    assert dict(report.counts) == {"samples": 3, "frames": 18, "shards": 1, "photos rejected": 0}
    assert report.failed == 0
    assert sum(report.histograms[0].counts) == 9  # planes are counted once, not once a level
    assert dict(dict(report.shares)["Stack"]) == {"3 planes × 2 levels": 3}
    tar = out / "shards" / "train-000000.tar"
    content = bytearray(tar.read_bytes())
    content[samples[1].members[0].offset + 300] ^= 1
    tar.write_bytes(content)
    damaged = make_report(out, *find_stored(out))
    assert damaged.failed == 1
    assert "00000001" in damaged.damaged_keys
    assert damaged.checks[0].worst_keys == ("00000001",)


def test_checks_name_the_samples_at_fault(tmp_path: Path) -> None:
    out = write_stacks(tmp_path / "out", [stack_sample(0), with_frames(stack_sample(1), in_focus_fraction=0.95)])
    samples, _ = find_stored(out)
    few = CountMap("few", "", "", ((31, 0), (0, 0)))
    many = CountMap("many", "", "", ((32, 0), (0, 0)))
    checks = {check.name: check for check in report_checks(samples, None, [few, many])}
    sharp = checks["frames with 90 % or more of their pixels in focus"]
    assert (sharp.passed, sharp.figure, sharp.worst_keys) == (False, 50.0, ("00000001",))
    assert checks["verify"].status == checks["few: cells that hold a frame"].status == "not run"
    many = checks["many: cells that hold a frame"]
    assert (many.status, many.figure) == ("FAIL", 25.0)


def test_the_checks_of_an_audit_are_read_as_they_were_written(out: Path) -> None:
    assert read_audit(out) == []
    rule = Criterion("radius", "at most", 0.5, "px")
    checks = [rule.measured(0.25, "a", ("00000002",)), rule.measured(3.0, "b", ("00000001",)), rule.not_run("c")]
    AuditReport(3, 3, 18, tuple(checks)).write(out)
    assert read_audit(out) == checks
    assert make_report(out, *find_stored(out)).audit_keys == {"00000001"}


@pytest.mark.parametrize("content", ["", "[]", '{"checks": [1]}', '{"checks": [{"name": "x"}]}', "\x00"])
def test_an_unreadable_audit_is_a_failed_check(out: Path, content: str) -> None:
    (out / ".meta" / "audit.json").write_text(content)
    (check,) = read_audit(out)
    assert not check.passed
    assert check.note.startswith(".meta/audit.json is not readable")


def test_rejects_are_grouped_with_pictures_where_there_are_any(finished: RenderConfig, tmp_path: Path) -> None:
    photos = Path(finished.source.photos)
    Image.new("RGB", (400, 300), (200, 30, 30)).save(photos / "seen.png")
    (photos / "cut.jpg").write_bytes(b"no picture")
    Image.new("RGB", (40, 30)).save(tmp_path / "secret.png")
    entries = [("photo", "small", "seen.png"), ("photo", "small", "../secret.png"), ("photo", "truncated", "cut.jpg")]
    lines = [json.dumps({"path": p, "stage": s, "code": c, "message": "why"}) for s, c, p in entries]
    (finished.out / "rejects.jsonl").write_text("\n".join([*lines, "{damaged", ""]), encoding="utf-8")
    groups = {group.reason: group for group in reject_groups(finished.out)}
    assert {reason: group.count for reason, group in groups.items()} == {
        "photo/small": 2,
        "photo/truncated": 1,
        "rejects/damaged": 1,
    }
    seen, secret = groups["photo/small"].shown
    assert seen.thumb.startswith("data:image/webp;base64,")
    assert secret.thumb == ""  # outside the photos' folder
    assert groups["photo/truncated"].shown[0].thumb == ""


def test_a_run_writes_down_how_long_it_took(finished: RenderConfig) -> None:
    from pipelines.render.run import render

    (run,) = read_runs(finished.out / ".meta")
    assert (run.photos, run.shards, run.failed_shards, run.executor, run.device) == (5, 3, 0, "inline", "cpu")
    assert 0 < run.seconds < 60
    assert run.busy_seconds["render"] > 0
    render(finished)  # nothing is left to do
    assert read_runs(finished.out / ".meta") == [run]


def test_lines_of_runs_that_died_are_passed_over(tmp_path: Path) -> None:
    entry = RunEntry("2026-11-25T00:00:00+00:00", 2.5, 5, 3, 0, "ray", "2", "cuda", {"render": 1.0})
    append_run(tmp_path, entry)
    with (tmp_path / "runs.jsonl").open("a") as lines:
        lines.write('{"started": "2026\n{"seconds": 1}\n[]\n')
    append_run(tmp_path, entry)
    assert read_runs(tmp_path) == [entry, entry]
    assert read_runs(tmp_path / "nowhere") == []
