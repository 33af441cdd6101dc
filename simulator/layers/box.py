"""Boxes: rows and columns of a picture or of the frame."""

from __future__ import annotations

from jaxtyping import Bool, Float
from torch import Tensor

Box = tuple[slice, slice]
"""Rows and columns."""


def whole(picture: Float[Tensor, "*c h w"]) -> Box:
    """The box of an entire picture."""
    return slice(0, picture.shape[-2]), slice(0, picture.shape[-1])


def extent(mask: Bool[Tensor, "h w"]) -> Box | None:
    """The smallest box that holds a mask; None where it is empty."""
    spans = []
    for axis in (1, 0):
        numbers = mask.any(axis).nonzero()[:, 0]
        if not len(numbers):
            return None
        spans.append(slice(int(numbers[0]), int(numbers[-1]) + 1))
    return spans[0], spans[1]


def shifted(box: Box, down: int, right: int) -> Box:
    """The box, moved."""
    rows, columns = box
    return slice(rows.start + down, rows.stop + down), slice(columns.start + right, columns.stop + right)


def grown(box: Box, by: int) -> Box:
    """The box with `by` more rows and columns on every side."""
    rows, columns = (slice(span.start - by, span.stop + by) for span in box)
    return rows, columns


def common(one: Box, other: Box) -> Box:
    """What two boxes share; empty spans where that is nothing."""
    starts = [max(a.start, b.start) for a, b in zip(one, other, strict=True)]
    stops = [min(a.stop, b.stop) for a, b in zip(one, other, strict=True)]
    rows, columns = (slice(start, max(start, stop)) for start, stop in zip(starts, stops, strict=True))
    return rows, columns


def enclosing(one: Box, other: Box) -> Box:
    """The smallest box that holds both."""
    if is_empty(one):
        return other
    rows, columns = (slice(min(a.start, b.start), max(a.stop, b.stop)) for a, b in zip(one, other, strict=True))
    return rows, columns


def is_empty(box: Box) -> bool:
    """Whether a box holds no pixel."""
    return any(span.stop <= span.start for span in box)
