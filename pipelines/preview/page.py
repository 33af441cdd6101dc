"""The page of a data set: OUT/preview/index.html, by itself, or with its pictures beside it.

shards ──▶ labels of all ──▶ report ┐
       └─▶ pixels of some ──▶ media ─┴─▶ template ──▶ index.html
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.errors import UserError
from pipelines.preview.figures import bins_of
from pipelines.preview.flags import MEANINGS, label_flags, pixel_flags
from pipelines.preview.media import MEGABYTE, Beside, InPage, MediaStore
from pipelines.preview.page_sample import card, content
from pipelines.preview.page_template import page_parts
from pipelines.preview.report import PreviewReport, make_report
from pipelines.preview.stored import StoredSample, Unreadable, find_stored, readable
from pipelines.runs.disk import counted
from pipelines.runs.progress_bar import ProgressBar
from pipelines.runs.verb_result import VerbResult
from shards.durable import open_durably
from shards.storage import StoragePath, is_local
from simulator import PupilRaster

PAGE_FILE = "index.html"
PROBES = 8
"""Samples, spread over the page, that tell how large the others will be."""


@dataclass(frozen=True)
class WrittenPage(VerbResult):
    """What was written: for --json, with a summary for people."""

    page: str
    samples: int
    samples_in_set: int
    page_bytes: int
    linked: bool
    checks_failed: int
    headline: str
    left_out: tuple[str, ...]

    def summary(self) -> str:
        of = f"{self.samples} of " if self.samples < self.samples_in_set else ""
        shown = f"{of}{counted(self.samples_in_set, 'sample')}, {self.page_bytes / MEGABYTE:.1f} MB"
        beside = ", pictures beside it" if self.linked else ""
        lines = [
            f"{self.page}: {shown}{beside}; open it in a browser",
            f"report: {self.headline}",
            *self.left_out,
        ]
        return "\n".join(lines)


def write_page(
    out: StoragePath, *, limit: int, budget_mb: float, linked: bool, mask: PupilRaster | None = None
) -> WrittenPage:
    """Write the page of the first `limit` samples and the report of all. `mask`: see `live_optics`.

    Raises UserError when no sample can be read or the budget is too small; an earlier page then stays.
    """
    path = out / "preview" / PAGE_FILE
    if is_local(path):
        path.parent.mkdir(exist_ok=True)
    stored, unreadable = find_stored(out)
    report = make_report(out, stored, unreadable)
    chosen = stored[:limit]
    media: MediaStore = Beside(path) if linked and isinstance(path, Path) else _inside(chosen, budget_mb, report)
    making = _Making(chosen, media, report, mask)
    parts = page_parts(
        title=out.absolute().name,
        samples=making.samples(),
        cards=making.cards,
        meanings=MEANINGS,
        figures=[{"title": h.title, "unit": h.unit, "edges": h.edges} for h in report.histograms],
        report=report,
        samples_in_set=len(stored),
        linked=linked,
    )
    size = _write(path, parts)
    return WrittenPage(
        page=str(path),
        samples=len(making.cards),
        samples_in_set=len(stored) + len(unreadable),
        page_bytes=size,
        linked=linked,
        checks_failed=report.failed,
        headline=report.headline,
        left_out=tuple(f"left out {entry.key}: {entry.reason}" for entry in (*unreadable, *making.left_out)),
    )


def _inside(chosen: Sequence[StoredSample], budget_mb: float, report: PreviewReport) -> InPage:
    taken = sum(len(reject.thumb) for group in report.rejects for reject in group.shown)
    # Steps of the golden ratio avoid any period in the order of the photos.
    spread = [chosen[place] for place in sorted({int(len(chosen) * (i * 0.618 % 1)) for i in range(PROBES)})]
    probes = [entry[1] for entry in readable(spread) if not isinstance(entry, Unreadable)]
    if not probes:
        raise UserError(f"none of the samples {', '.join(entry.key for entry in spread)} can be read; use verify", 1)
    return InPage(round(budget_mb * MEGABYTE), len(chosen), probes, taken_bytes=taken)


class _Making:
    """Goes through the samples once, while the template is written, and collects their cards for its end."""

    def __init__(
        self, chosen: Sequence[StoredSample], media: MediaStore, report: PreviewReport, mask: PupilRaster | None
    ) -> None:
        self._chosen, self._media, self._report, self._mask = chosen, media, report, mask
        self.cards: list[dict[str, Any]] = []
        self.left_out: list[Unreadable] = []

    def samples(self) -> Iterator[tuple[str, str]]:
        """Key and embedded content of each sample that stands in the page."""
        for entry in ProgressBar("preview", "samples", len(self._chosen)).count(readable(self._chosen)):
            if isinstance(entry, Unreadable):
                self.left_out.append(entry)
                continue
            stored, sample, fields = entry
            media = self._media.add(sample, fields)
            flags = [*label_flags(stored.record), *pixel_flags(sample)]
            flags += ["damaged"] if sample.key in self._report.damaged_keys else []
            flags += ["audit"] if sample.key in self._report.audit_keys else []
            bins = bins_of(stored.record, self._report.figures, self._report.histograms)
            self.cards.append(card(sample, media, flags, bins))
            payload = self._media.payload(sample.key, content(sample, media, self._mask))
            if payload:
                yield sample.key, payload
        if not self.cards:
            raise UserError(f"no sample can be shown: {self.left_out[0].reason}", exit_code=1)


def _write(path: StoragePath, parts: Iterator[str]) -> int:
    """Write atomically, without holding the page in memory. Returns the number of bytes."""
    with open_durably(path) as file:
        for part in parts:
            file.write(part.encode("utf-8"))
        return file.tell()
