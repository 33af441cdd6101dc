"""`audit`: every sample's labels and depth, some samples' frames, and the lines that follow.

shards ──read──▶ Subject ─┬─ labels, depth ──▶ SampleFacts ───────────────▶ label lines ─┐
                          └─ every n-th: frames ──▶ Measurement, Repetition ▶ pixel lines ┴▶ AuditReport
"""

from __future__ import annotations

from dataclasses import dataclass, field

from pipelines.audit.config import AuditConfig
from pipelines.audit.field_map import FieldMap
from pipelines.audit.label_facts import SampleFacts
from pipelines.audit.label_lines import label_lines
from pipelines.audit.measurement import SampleMeasurement, measure
from pipelines.audit.pixel_lines import pixel_lines
from pipelines.audit.reading import count_subjects, read_subjects
from pipelines.audit.report import AuditReport
from pipelines.audit.rerender import Recipe, Repetition, repeated, rerendered
from pipelines.audit.subject import Subject
from pipelines.errors import UserError
from shards.complaint import FieldError


def audit(config: AuditConfig) -> AuditReport:
    """Audit a data set; in a data set's folder, keep the result as .meta/audit.json.

    Raises UserError for a folder that holds no shards, or samples that cannot be read.
    """
    field_map = FieldMap.from_file(config.map) if config.map else None
    chosen = _evenly(count_subjects(config.out, field_map), config.samples)
    recipe = Recipe.of(config.out)
    findings = _Findings()
    try:
        for number, subject in enumerate(read_subjects(config.out, field_map)):
            findings.take(subject, recipe, with_frames=number in chosen)
    except FieldError as error:  # of a frame, which is decoded only when it is measured
        raise UserError(f"{error}; see docs/audit.md for --map", exit_code=1) from error
    report = findings.report(own=field_map is None)
    meta = config.out / ".meta"
    if field_map is None and meta.is_dir():
        report.write(meta)
    return report


@dataclass
class _Findings:
    """What comes together while the samples go by."""

    facts: list[SampleFacts] = field(default_factory=list)
    measurements: list[SampleMeasurement] = field(default_factory=list)
    repetitions: list[Repetition] = field(default_factory=list)

    def take(self, subject: Subject, recipe: Recipe | None, *, with_frames: bool) -> None:
        """One more sample."""
        self.facts.append(SampleFacts.of(subject))
        if with_frames:
            measured, again = measure(subject, len(self.measurements)), repeated(subject, recipe)
            self.measurements += [] if measured is None else [measured]
            self.repetitions += [] if again is None else [again]

    def report(self, *, own: bool) -> AuditReport:
        """The lines that follow."""
        lines = (rerendered(self.repetitions, own), *pixel_lines(self.measurements), *label_lines(self.facts))
        frames = sum(len(sample.frames) for sample in self.facts)
        return AuditReport(len(self.facts), len(self.measurements), frames, lines)


def _evenly(count: int, wanted: int) -> frozenset[int]:
    """`wanted` of `count` numbers, evenly spread, the first among them."""
    return frozenset(i * count // min(count, wanted) for i in range(min(count, wanted)))
