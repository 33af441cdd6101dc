"""The data set card: OUT/README.md, with the YAML that lets Hugging Face `datasets` find the tars of each split."""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import jinja2

from .durable import write_durably
from .index import marked_shards
from .labels import FrameLabels
from .licenses import summarize_licenses
from .marker import Marker, SampleRow, read_marker
from .record import SPLITS
from .storage import StoragePath

CARD_FILE = "README.md"

_SIZE_CLASSES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
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


def write_card(out: StoragePath) -> StoragePath:
    """Write OUT/README.md from the markers and return its path.

    Raises:
        ValueError: no finished shard with samples, or a damaged marker.
        OSError: as the system raised it.
    """
    text = card_text([read_marker(out, name) for name in marked_shards(out)])
    write_durably(out / CARD_FILE, text.encode("utf-8"))
    return out / CARD_FILE


def card_text(markers: Sequence[Marker]) -> str:
    """The card of a data set of these shards: counts, no claims. Raises ValueError if there is no sample."""
    full = [marker for marker in markers if marker.samples]
    if not full:
        raise ValueError("a card must describe at least one sample, got none: run render first")
    rows = [row for marker in full for row in marker.rows]
    fields = full[0].fields
    return _template().render(
        licenses=summarize_licenses(rows),
        size_class=next((name for limit, name in _SIZE_CLASSES if len(rows) < limit), "1M<n<10M"),
        splits=[_count_split(split, [marker for marker in full if marker.split == split]) for split in SPLITS],
        photo=next((name for name in fields if name.startswith("aif.")), "aif.jpg"),
        frames=[name for name in fields if name.startswith("frame_")],
        label_meanings=_LABEL_MEANINGS,
        blur_levels=[level for row in rows for level in row.blur_levels],
        largest_radius_px=max(row.radius_max_px for row in rows),
        photo_licenses=_count_names(row.license or "not stated" for row in rows),
        disparity_sources=_count_names(_disparity_source(row) for row in rows),
        example_split=full[0].split,
    )


def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True, undefined=jinja2.StrictUndefined
    )  # Markdown, not HTML: nothing to escape
    return environment.from_string((Path(__file__).parent / "card.md.j2").read_text("utf-8"))


def _count_split(split: str, markers: Sequence[Marker]) -> tuple[str, int, int, int]:
    return split, len(markers), sum(m.samples for m in markers), sum(m.frames for m in markers)


def _count_names(names: Iterable[str]) -> dict[str, int]:
    # Names come from file lists: keep them on one line and out of the markup.
    return dict(sorted(Counter(" ".join(name.split()).replace("`", "'") for name in names).items()))


def _disparity_source(row: SampleRow) -> str:
    revision = f" @ {row.disparity_source_revision}" if row.disparity_source_revision else ""
    return f"{row.disparity_kind}, {row.disparity_source}{revision}"
