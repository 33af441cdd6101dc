"""`audit`: labels and depth of every sample, frames of some, and the checks of both.

shards ──read──▶ AuditedSample ─┬─ labels, depth ──▶ LabelFacts ──────────────────▶ label checks ─┐
                                └─ every n-th: frames ──▶ FrameMeasurement, Rerender ▶ frame checks ┴▶ AuditReport
"""

from pipelines.audit.config import AuditConfig
from pipelines.audit.field_map import FieldMap
from pipelines.audit.frame_checks import frame_checks
from pipelines.audit.label_checks import label_checks
from pipelines.audit.label_facts import LabelFacts
from pipelines.audit.measurement import FrameMeasurement, measure
from pipelines.audit.reading import count_samples, read_samples
from pipelines.audit.report import AUDIT_FILE, AuditReport
from pipelines.audit.rerender import RenderSettings, Rerender, rerender, rerender_check
from pipelines.errors import UserError
from pipelines.runs.progress_bar import ProgressBar
from shards.complaint import FieldError


def audit(config: AuditConfig) -> AuditReport:
    """Audit a data set; in a data set's folder, keep the result as .meta/audit.json.

    Raises UserError for a folder that holds no shards, or samples that cannot be read.
    """
    field_map = FieldMap.from_file(config.map) if config.map else None
    count = count_samples(config.out, field_map)
    chosen, bar = _evenly(count, config.samples), ProgressBar("audit", "samples", count)
    settings = RenderSettings.read(config.out)
    facts: list[LabelFacts] = []
    measurements: list[FrameMeasurement] = []
    rerenders: list[Rerender] = []
    try:
        for number, sample in enumerate(bar.count(read_samples(config.out, field_map))):
            facts.append(LabelFacts.from_sample(sample))
            if number in chosen:
                measured, again = measure(sample, len(measurements)), rerender(sample, settings)
                measurements += [measured] if measured else []
                rerenders += [again] if again else []
    except FieldError as error:  # of a frame, which is decoded only when it is measured
        raise UserError(f"{error}; see docs/audit.md for --map", exit_code=1) from error
    rerendered = rerender_check(rerenders, is_foreign=field_map is not None)
    checks = (rerendered, *frame_checks(measurements), *label_checks(facts))
    report = AuditReport(len(facts), len(measurements), sum(len(sample.frames) for sample in facts), checks)
    if field_map is None and (config.out / AUDIT_FILE).parent.is_dir():
        report.write(config.out)
    return report


def _evenly(count: int, wanted: int) -> frozenset[int]:
    """`wanted` of `count` numbers, evenly spread, the first among them."""
    return frozenset(i * count // min(count, wanted) for i in range(min(count, wanted)))
