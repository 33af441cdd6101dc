"""The data set card: OUT/README.md, with the YAML that lets Hugging Face `datasets` find the tars of each split."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from .durable import write_durably
from .index import marked_shards, read_marker
from .labels import FrameLabels
from .licenses import summarize_licenses
from .marker import Marker, SampleRow
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
    "in_focus_fraction": "share of the pixels that are in focus",
    "radius_p95_px": "95th percentile of the blur radius over the image, in pixels",
    "radius_max_px": "largest blur radius, in pixels",
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
    """The card of a data set of these shards: what was counted, nothing claimed. Raises ValueError if it is empty."""
    full = [marker for marker in markers if marker.samples]
    if not full:
        raise ValueError("a card must describe at least one sample, got none: run render first")
    rows = [row for marker in full for row in marker.rows]
    return "\n".join([*_front_matter(full, rows), "", *_body(full, rows)]) + "\n"


def _front_matter(markers: Sequence[Marker], rows: Sequence[SampleRow]) -> list[str]:
    size = next((name for limit, name in _SIZE_CLASSES if len(rows) < limit), "1M<n<10M")
    splits = [split for split in SPLITS if any(marker.split == split for marker in markers)]
    files = [line for split in splits for line in (f"  - split: {split}", f"    path: shards/{split}-*.tar")]
    return [
        "---",
        f"license: {summarize_licenses(rows).name}",
        "task_categories:",
        "- image-to-image",
        "tags:",
        "- webdataset",
        "- refocusing",
        "- bokeh",
        "- focal-stack",
        "- synthetic",
        "size_categories:",
        f"- {size}",
        "configs:",
        "- config_name: default",
        "  data_files:",
        *files,
        "---",
    ]


def _body(markers: Sequence[Marker], rows: Sequence[SampleRow]) -> list[str]:
    fields = markers[0].fields
    image = next((name for name in fields if name.startswith("aif.")), "aif.jpg")
    frames = [name for name in fields if name.startswith("frame_")]
    return [
        "# Focal stacks with focus and blur labels",
        "",
        "All-in-focus photos, their disparity, and for each a focal stack rendered from it with a thin lens: the same",
        "scene at several planes of focus and several blur levels. Made by refocus-foundry; the blur is synthetic.",
        "",
        "| split | shards | samples | frames |",
        "|---|---|---|---|",
        *(_split_row(split, [m for m in markers if m.split == split]) for split in SPLITS),
        "",
        "## A sample",
        "",
        f"- `{image}`: the all-in-focus photo, sRGB",
        "- `disparity.png`: 16 bit; disparity D = offset + scale * value, bigger is nearer (`json`: `disparity`)",
        f"- `{frames[0]}` to `{frames[-1]}`: the stack, all planes of one blur level after another",
        "- `json`: labels, one entry a frame, and where photo, disparity and pixels came from",
        "",
        "| label | meaning |",
        "|---|---|",
        *(f"| `{name}` | {meaning} |" for name, meaning in _LABEL_MEANINGS.items()),
        "",
        "The blur radius of a pixel of disparity D is r = K * |D - D_f| pixels.",
        "",
        f"Blur levels: {_range(level for row in rows for level in row.blur_levels)} percent of the long side. "
        f"Largest radius: {max(row.radius_max_px for row in rows):.4g} px.",
        "",
        "## Sources",
        "",
        "Photos by licence (author and address of each: `manifest.parquet`):",
        *_counted(row.license or "not stated" for row in rows),
        "",
        "Disparity by kind and source:",
        *_counted(_disparity_source(row) for row in rows),
        *_warnings(rows),
        "",
        "## Reading",
        "",
        "```python",
        "from datasets import load_dataset",
        f'load_dataset("PATH_OR_ID", split="{markers[0].split}", streaming=True)',
        "",
        "from shards import read_shards",
        f'for sample in read_shards("PATH", split="{markers[0].split}", epoch=0):',
        "    sample.aif, sample.frames, sample.record.frames[0].focus_disparity",
        "```",
        "",
        "`sha256sum -c SHA256SUMS` checks the files, `refocus-foundry verify PATH` also labels against pixels.",
    ]


def _split_row(split: str, markers: Sequence[Marker]) -> str:
    samples, frames = sum(m.samples for m in markers), sum(m.frames for m in markers)
    return f"| {split} | {len(markers)} | {samples} | {frames} |"


def _counted(names: Iterable[str]) -> list[str]:
    # Names come from file lists: keep them on one line and out of the markup.
    counts = Counter(" ".join(name.split()).replace("`", "'") for name in names)
    return [f"- `{name}`: {count}" for name, count in sorted(counts.items())]


def _disparity_source(row: SampleRow) -> str:
    revision = f" @ {row.disparity_source_revision}" if row.disparity_source_revision else ""
    return f"{row.disparity_kind}, {row.disparity_source}{revision}"


def _warnings(rows: Sequence[SampleRow]) -> list[str]:
    warnings = summarize_licenses(rows).warnings
    return ["", "Before you share or use it:", "", *(f"- {warning}" for warning in warnings)] if warnings else []


def _range(values: Iterable[float]) -> str:
    several = list(values)
    return f"{min(several):.4g} to {max(several):.4g}"
