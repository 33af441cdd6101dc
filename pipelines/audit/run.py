"""`audit`: labels and depth of every sample, frames of some, and the checks of both.

shards ──read──▶ AuditedSample ─┬─ labels, depth ──▶ LabelFacts ──────────────────▶ label checks ─┐
                                └─ every n-th: frames ──▶ FrameMeasurement, Rerender ▶ frame checks ┴▶ AuditReport
"""

from collections.abc import Iterator

from pipelines.audit.audited_sample import AuditedSample
from pipelines.audit.config import AuditConfig
from pipelines.audit.field_map import FieldMap
from pipelines.audit.frame_checks import frame_checks
from pipelines.audit.label_checks import label_checks
from pipelines.audit.label_facts import LabelFacts
from pipelines.audit.measurement import FrameMeasurement, measure
from pipelines.audit.reading import count_samples, read_samples
from pipelines.audit.report import AUDIT_FILE, AuditReport
from pipelines.audit.rerender import RenderSettings, Rerender, rerender, rerender_check
from pipelines.audit.stack_sample import stack_samples
from pipelines.errors import UserError
from pipelines.runs.progress_bar import ProgressBar
from pipelines.stacks.layouts import find_stacks
from shards.complaint import FieldError


def audit(config: AuditConfig) -> AuditReport:
    """Audit a data set; in a data set's folder, keep the result as .meta/audit.json.

    Raises UserError for a folder that holds no shards or stacks, or samples that cannot be read.
    """
    field_map = FieldMap.from_file(config.map) if config.map else None
    count, samples = _samples(config, field_map)
    chosen = _evenly(count, config.samples)
    is_ours = config.stacks.layout is None and field_map is None
    settings = RenderSettings.read(config.out) if is_ours else None
    facts: list[LabelFacts] = []
    measurements: list[FrameMeasurement] = []
    rerenders: list[Rerender] = []
    try:
        for number, sample in enumerate(ProgressBar("audit", "samples", count).count(samples)):
            facts.append(LabelFacts.from_sample(sample))
            if number in chosen:
                measured, again = measure(sample, len(measurements), config.planes), rerender(sample, settings)
                measurements += [measured] if measured else []
                rerenders += [again] if again else []
    except FieldError as error:  # of a frame, which is decoded only when it is measured
        raise UserError(f"{error}; see docs/audit.md for --map", exit_code=1) from error
    rerendered = rerender_check(rerenders, is_foreign=not is_ours)
    checks = (rerendered, *frame_checks(measurements), *label_checks(facts, is_drawn=config.stacks.layout is None))
    report = AuditReport(len(facts), len(measurements), sum(len(sample.frames) for sample in facts), checks)
    if is_ours and (config.out / AUDIT_FILE).parent.is_dir():
        report.write(config.out)
    return report


def _samples(config: AuditConfig, field_map: FieldMap | None) -> tuple[int, Iterator[AuditedSample]]:
    """Their number, and the samples in order."""
    if config.stacks.layout is None:
        return count_samples(config.out, field_map), read_samples(config.out, field_map)
    stacks = find_stacks(config.out, config.stacks)
    return len(stacks), stack_samples(stacks, config.stacks)


def _evenly(count: int, wanted: int) -> frozenset[int]:
    """`wanted` of `count` numbers, evenly spread, the first among them."""
    return frozenset(i * count // min(count, wanted) for i in range(min(count, wanted)))
