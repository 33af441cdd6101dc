"""The data set card: OUT/README.md, with the YAML that lets Hugging Face `datasets` find the tars of each split."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import jinja2

from .durable import write_durably
from .index import marked_shards
from .labels import FrameLabels
from .licenses import summarize_licenses
from .marker import read_marker
from .record import SPLITS
from .storage import StoragePath
from .summary import DataSetSummary

CARD_FILE = "README.md"

_SIZE_CLASSES = (
    *((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M")),
    *((10_000_000, "1M<n<10M"), (100_000_001, "10M<n<100M")),  # keys have 8 digits
)
_LABEL_MEANINGS = {
    "focus_x": "focus point, (column + 0.5) / width",
    "focus_y": "focus point, (row + 0.5) / height",
    "focus_disparity": "D_f: disparity at the focus point",
    "blur_scale_px": "K: blur radius, in pixels, of a point one unit of disparity off the plane in focus",
    "blur_level": "100 * K / long side, in percent",
    "blur_at_infinity_px": "K * D_f, in pixels",
    "in_focus_fraction": "share of the pixels of known disparity that are in focus",
    "radius_p95_px": "95th percentile of the blur radius where disparity is known, in pixels",
    "radius_max_px": "largest blur radius where disparity is known, in pixels",
    "group": "stacking group: frames of one group share K and differ in plane",
    "f_number": "f-number of the lens, 0 where it is not known",
    "jpeg_quality": "quality of a compression before the frame was stored, 0 for none",
}
assert list(_LABEL_MEANINGS) == list(FrameLabels.__dataclass_fields__), "the card explains every label"


def write_card(out: StoragePath, summary: DataSetSummary | None = None) -> StoragePath:
    """Write OUT/README.md and return its path. Markers are read where there is no `summary` of them yet.

    Raises:
        ValueError: no finished shard with samples, or a damaged marker.
        OSError: as the system raised it.
    """
    text = card_text(summary or DataSetSummary(read_marker(out, name) for name in marked_shards(out)))
    write_durably(out / CARD_FILE, text.encode("utf-8"))
    return out / CARD_FILE


def card_text(summary: DataSetSummary) -> str:
    """The card of a data set: counts, no claims. Raises ValueError if there is no sample."""
    full = summary.full
    if not full:
        raise ValueError("a card must describe at least one sample, got none: run render first")
    samples, fields = summary.samples, full[0].fields
    return _template().render(
        licenses=summarize_licenses(summary),
        size_class=next(name for limit, name in _SIZE_CLASSES if samples < limit),
        splits=[(split, *summary.counts(split).values()) for split in SPLITS],
        photo=next((name for name in fields if name.startswith("aif.")), "aif.jpg"),
        frames=[name for name in fields if name.startswith("frame_")],
        label_meanings=_LABEL_MEANINGS,
        blur_levels=summary.blur_levels,
        largest_radius_px=summary.largest_radius_px,
        photo_licenses=_count_names((name or "not stated", count) for name, count in summary.licenses.items()),
        scene_kinds=_count_names(summary.scene_kinds.items()),
        disparity_sources=_count_names(
            (f"{kind}, {source}{f' @ {revision}' if revision else ''}", count)
            for (kind, source, revision), count in summary.disparity_sources.items()
        ),
        example_split=full[0].split,
    )


def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True, undefined=jinja2.StrictUndefined
    )  # Markdown, not HTML: nothing to escape
    return environment.from_string((Path(__file__).parent / "card.md.j2").read_text("utf-8"))


def _count_names(counts: Iterable[tuple[str, int]]) -> dict[str, int]:
    # Names come from file lists: keep them on one line and out of the markup.
    named: Counter[str] = Counter()
    for name, count in counts:
        named[" ".join(name.split()).replace("`", "'")] += count
    return dict(sorted(named.items()))
