"""The verb `preview`: a page, or pictures instead of it."""

from dataclasses import dataclass
from pathlib import Path

from pipelines.data_set import existing_data_set, local_data_set
from pipelines.preview.config import PreviewConfig
from pipelines.preview.focus_pull import write_focus_pull
from pipelines.preview.page import write_page
from pipelines.preview.sample_sheet import write_sample_sheets
from pipelines.render.sample.lens_sampling import read_aperture_mask
from pipelines.runs.disk import counted
from pipelines.runs.verb_result import VerbResult

PAGE_SAMPLES, SHEETS = 200, 24


@dataclass(frozen=True)
class WrittenPictures(VerbResult):
    """Paths of contact sheets, or of one focus pull."""

    pictures: tuple[str, ...]

    def summary(self) -> str:
        first, last = Path(self.pictures[0]), Path(self.pictures[-1])
        if first == last:
            return str(first)
        return f"{counted(len(self.pictures), 'contact sheet')} in {first.parent}: {first.name} ... {last.name}"


def preview(config: PreviewConfig) -> VerbResult:
    """Write what was asked for. Raises UserError when there is no data set, or nothing in it can be shown."""
    if config.gif:
        return WrittenPictures((str(write_focus_pull(local_data_set(config.out), config.gif)),))
    if config.sheets:
        sheets = write_sample_sheets(local_data_set(config.out), limit=config.limit or SHEETS)
        return WrittenPictures(tuple(map(str, sheets)))
    out = local_data_set(config.out) if config.linked else existing_data_set(config.out)
    mask = read_aperture_mask(config.aperture_mask) if config.aperture_mask else None
    limit = config.limit or PAGE_SAMPLES
    return write_page(out, limit=limit, budget_mb=config.budget_mb, linked=config.linked, mask=mask)
