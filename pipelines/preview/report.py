"""The report of a data set: counts, checks, distributions, rejects and runs.

Everything comes from the labels of every sample, from `verify`, and from what the run wrote beside the shards.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from pipelines.audit.check import Check
from pipelines.preview.checks import read_audit, report_checks
from pipelines.preview.figures import Figure, figures_of
from pipelines.preview.histogram import CountMap, Histogram, count_map
from pipelines.preview.reject_gallery import RejectGroup, reject_groups
from pipelines.preview.stored import StoredSample, Unreadable
from pipelines.runs.data_set_paths import DataSetPaths
from pipelines.runs.disk import counted
from pipelines.runs.run_log import RunEntry, read_runs
from shards.storage import StoragePath
from shards.validate import ValidationReport, validate

VERIFY_UP_TO = 2000
"""Samples; beyond, reading every byte takes longer than one waits for a page."""


@dataclass(frozen=True)
class PreviewReport:
    """The content of the report's tab.

    Attributes:
        counts: name and number, for the head.
        verified: None where the set is too large to be verified on the way.
        audit, checks: those of the label audit (none: it was not run), and those computed here.
        figures, histograms: values of the labels, and their counts over all samples.
        shares: for each question (split, disparity, lens, ...), the number of samples per answer.
        runs: what the runs wrote down; none for sets made before they did.
    """

    counts: tuple[tuple[str, int], ...]
    verified: ValidationReport | None
    unreadable: tuple[Unreadable, ...]
    audit: tuple[Check, ...]
    checks: tuple[Check, ...]
    figures: tuple[Figure, ...]
    histograms: tuple[Histogram, ...]
    coverage: tuple[CountMap, ...]
    shares: tuple[tuple[str, tuple[tuple[str, int], ...]], ...]
    rejects: tuple[RejectGroup, ...]
    runs: tuple[RunEntry, ...]

    @property
    def failed(self) -> int:
        """Number of failed checks; unreadable samples count as one."""
        return sum(not check.passed for check in (*self.audit, *self.checks)) + bool(self.unreadable)

    @property
    def verdict(self) -> str:
        """`failed`, `passed`, or `open`: no check failed, but the labels were not audited."""
        return "failed" if self.failed else "passed" if self.audit else "open"

    @property
    def headline(self) -> str:
        """How many photos were kept and rejected, how many checks failed, and whether the labels were audited."""
        counts = dict(self.counts)
        kept, rejected = counts["samples"], counts["photos rejected"]
        photos = f"{'All ' * (kept > 1)}{counted(kept, 'photo')} kept"
        if rejected:
            photos = f"{kept} of {kept + rejected} photos kept, {rejected} rejected"
        checks = f"{self.failed} check{'s' * (self.failed > 1)} failed" if self.failed else "no check failed"
        return f"{photos}; {checks}; labels {'audited' if self.audit else 'not audited'}"

    @property
    def damaged_keys(self) -> frozenset[str]:
        """Samples that `verify` complains about."""
        return frozenset(complaint.key for complaint in self.verified.complaints) if self.verified else frozenset()

    @property
    def audit_keys(self) -> frozenset[str]:
        """The worst samples of failed checks of the audit."""
        return frozenset(key for check in self.audit if not check.passed for key in check.worst_keys)


def make_report(out: StoragePath, samples: Sequence[StoredSample], unreadable: Sequence[Unreadable]) -> PreviewReport:
    """The report of all samples; `samples` must not be empty."""
    verified = validate(out) if len(samples) <= VERIFY_UP_TO else None
    frames = [frame for sample in samples for frame in sample.record.frames]
    figures = figures_of([sample.record for sample in samples])
    rejects = reject_groups(out)
    coverage = _coverage(samples)
    return PreviewReport(
        counts=(
            ("samples", len(samples)),
            ("frames", len(frames)),
            ("shards", len({sample.tar for sample in samples})),
            ("photos rejected", sum(group.count for group in rejects)),
        ),
        verified=verified,
        unreadable=tuple(unreadable),
        audit=tuple(read_audit(out)),
        checks=tuple(report_checks(samples, verified, coverage)),
        figures=figures,
        histograms=tuple(figure.histogram([sample.record for sample in samples]) for figure in figures),
        coverage=coverage,
        shares=_shares(samples),
        rejects=tuple(rejects),
        runs=tuple(read_runs(DataSetPaths(out).meta)),
    )


def _coverage(samples: Sequence[StoredSample]) -> tuple[CountMap, ...]:
    """Where planes and points lie. Planes are placed by their rank in the scene's own range of planes drawn."""
    frames = [frame for sample in samples for frame in sample.record.frames]
    points = [frame for sample in samples for frame in sample.record.frames[: sample.record.planes]]
    nearness = _unit([frame.focus_disparity for frame in frames])
    levels = _unit(np.log([frame.blur_level for frame in frames]).tolist())
    x, y, weakness = [p.focus_x for p in points], [p.focus_y for p in points], [1 - level for level in levels]
    labels = ("Plane against blur level", "far to near", "strong to weak")
    return (
        count_map(("Focus points in the picture", "x", "y"), x, y, columns=6, rows=4),
        count_map(labels, nearness, weakness, columns=6, rows=4),
    )


def _unit(values: Sequence[float]) -> list[float]:
    """Mapped to [0, 1] by their own range; all equal: to 0.5."""
    low, high = min(values), max(values)
    return [(value - low) / (high - low) if high > low else 0.5 for value in values]


def _shares(samples: Sequence[StoredSample]) -> tuple[tuple[str, tuple[tuple[str, int], ...]], ...]:
    records = [sample.record for sample in samples]
    return (
        ("Stack", _counted(f"{record.planes} planes × {record.levels} levels" for record in records)),
        ("Split", _counted(record.split for record in records)),
        ("Disparity", _counted(f"{r.disparity.kind}, {r.disparity.source}" for r in records)),
        ("Depth edges", _counted(record.disparity.edges.replace("_", " ") for record in records)),
        ("Depth steps", _counted(record.disparity.steps.replace("_", " ") for record in records)),
        ("Lens recipe", _counted(record.lens.recipe for record in records)),
        ("Aperture", _counted(record.aperture.shape for record in records)),
        ("License", _counted(record.photo.license or "not stated" for record in records)),
        ("Renderer", _counted(f"version {r.renderer.version}, {r.renderer.device_kind}" for r in records)),
    )


def _counted(answers: Iterable[str]) -> tuple[tuple[str, int], ...]:
    return tuple(Counter(answers).most_common(8))
