"""Checks of the report: those of the label audit where it was run, and those that follow from labels and `verify`."""

from collections.abc import Sequence

from pipelines.audit.check import Check, Criterion
from pipelines.audit.report import AUDIT_FILE, read_checks
from pipelines.preview.flags import CLOSE_PX, HARDLY_BLURRED, HARDLY_FOCUSED, label_flags
from pipelines.preview.histogram import CountMap
from pipelines.preview.stored import StoredSample
from shards.storage import StoragePath
from shards.validate import ValidationReport

MAX_AUDIT_BYTES = 64 << 20
WORST = 8
"""Keys that a check names."""
POINTS_PER_CELL = 8
"""Coverage is checked from this many points per cell on: with fewer, cells are empty by chance."""

AUDIT = Criterion("label audit", "at most", 0, "unreadable files")
VERIFY = Criterion("verify", "at most", 0, "complaints")
BLURRED = Criterion(f"frames with {100 * HARDLY_BLURRED:.0f} % or more of their pixels in focus", "at most", 10, "%")
FOCUSED = Criterion(f"frames with less than {100 * HARDLY_FOCUSED:.1f} % of their pixels in focus", "at most", 10, "%")
CLOSE = Criterion(f"samples with planes less than {CLOSE_PX:g} px of blur apart", "at most", 10, "%")


def read_audit(out: StoragePath) -> list[Check]:
    """The audit's checks; none where it was not run; a failed check where its file cannot be read."""
    path = out / AUDIT_FILE
    if not path.is_file():
        return []
    try:
        if path.stat().st_size > MAX_AUDIT_BYTES:
            raise ValueError(f"larger than {MAX_AUDIT_BYTES} bytes")
        return read_checks(out)
    except Exception as error:  # nested too deeply, numbers of any size: a parser raises nearly anything
        return [AUDIT.measured(1, f"{AUDIT_FILE} is not readable: {error!r}; run the audit again")]


def report_checks(
    samples: Sequence[StoredSample], verified: ValidationReport | None, coverage: Sequence[CountMap]
) -> list[Check]:
    """The checks of labels, of `verify` (None: not run) and of the coverage maps."""
    frames = [frame for sample in samples for frame in sample.record.frames]
    too_sharp = sum(frame.in_focus_fraction >= HARDLY_BLURRED for frame in frames) / len(frames)
    too_soft = sum(frame.in_focus_fraction < HARDLY_FOCUSED for frame in frames) / len(frames)
    close = _flagged(samples, "close planes")
    return [
        _verify_check(verified),
        BLURRED.measured(100 * too_sharp, "", _flagged(samples, "hardly blurred")[:WORST]),
        FOCUSED.measured(100 * too_soft, "", _flagged(samples, "hardly focused")[:WORST]),
        CLOSE.measured(100 * len(close) / len(samples), "", close[:WORST]),
        *map(_coverage_check, coverage),
    ]


def _flagged(samples: Sequence[StoredSample], flag: str) -> tuple[str, ...]:
    return tuple(sample.key for sample in samples if flag in label_flags(sample.record))


def _verify_check(verified: ValidationReport | None) -> Check:
    if verified is None:
        return VERIFY.not_run("too many samples: run `refocus-foundry verify`")
    keys = tuple(dict.fromkeys(complaint.key for complaint in verified.complaints if complaint.key.isdigit()))
    return VERIFY.measured(len(verified.complaints), "", keys[:WORST])


def _coverage_check(counts: CountMap) -> Check:
    criterion = Criterion(f"{counts.title}: cells that hold a frame", "at least", 75, "%")
    needed, points = POINTS_PER_CELL * sum(map(len, counts.counts)), sum(map(sum, counts.counts))
    if points < needed:
        return criterion.not_run(f"needs {needed} points, got {points}")
    return criterion.measured(100 * counts.covered, "")
