"""A picture of which only a part is covered, and the part of it that matters for a frame."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from simulator.layers.box import Box, common, extent, grown, shifted, whole


@dataclass(frozen=True)
class Covering:
    """Light and coverage, coverage last; beyond the picture its edge is repeated.

    box:    rows and columns of the frame that are covered; they may lie beyond it.
    origin: row and column of the frame in the picture's first pixel.
    """

    content: Float[Tensor, "c hm wm"]
    box: Box
    origin: tuple[int, int]

    @classmethod
    def from_content(cls, content: Float[Tensor, "c hm wm"], margin: int) -> Covering:
        """The covered part of a picture with `margin` pixels beyond the frame. Raises ValueError if there is none."""
        box = extent(content[-1] > 0)
        if box is None:
            raise ValueError("content must be covered somewhere, got coverage 0 everywhere")
        rows, columns = common(grown(box, 1), whole(content))  # a rim that is not covered, but at the picture's edge
        origin = rows.start - margin, columns.start - margin
        return cls(content[:, rows, columns], shifted(box, -margin, -margin), origin)

    def channels(self, *numbers: int) -> Covering:
        """These channels alone."""
        return Covering(self.content[list(numbers)], self.box, self.origin)

    def window(self, box: Box) -> Float[Tensor, "c h w"]:
        """These rows and columns of the frame."""
        inner, missing = [], []
        for span, first, size in zip(box, self.origin, self.content.shape[1:], strict=True):
            start = min(max(span.start - first, 0), size - 1)
            stop = max(min(span.stop - first, size), start + 1)
            inner.append(slice(start, stop))
            missing.append((max(start - span.start + first, 0), max(span.stop - first - stop, 0)))
        part = self.content[None, :, inner[0], inner[1]]
        return F.pad(part, (*missing[1], *missing[0]), mode="replicate")[0]


def footprint_mean(picture: Float[Tensor, "c h w"], width_px: float) -> Float[Tensor, "c h2 w2"]:
    """Means over squares of a width, of the variance that it has; the picture loses `footprint_reach` on each side.

    A square of the odd width n below, mixed with that of n + 2: variances add up.
    """
    n = 2 * max(0, math.floor((width_px - 1) / 2)) + 1
    wider = max(0.0, width_px**2 - n**2) / (4 * n + 4)
    if not wider:
        return picture if n == 1 else _sums(_sums(picture, n, 1), n, 2) / n**2
    for axis in (1, 2):
        size = picture.shape[axis]
        rim = picture.narrow(axis, 0, size - n - 1) + picture.narrow(axis, n + 1, size - n - 1)
        inner = _sums(picture.narrow(axis, 1, size - 2), n, axis)
        picture = inner.mul_((1 - wider) / n + wider / (n + 2)).add_(rim, alpha=wider / (n + 2))
    return picture


def footprint_reach(width_px: float) -> int:
    """Pixels on each side that `footprint_mean` needs."""
    return max(0, math.ceil((width_px - 1) / 2))


def _sums(x: Tensor, n: int, axis: int) -> Tensor:
    """Sums of n neighbors, a power of two of them at a time. Never a view of x."""
    size = x.shape[axis] - n + 1
    total, done, width = None, 0, 1
    while True:
        if n & width:
            part = x.narrow(axis, done, size)
            total = part.clone() if total is None else total.add_(part)
            done += width
        if done == n and total is not None:
            return total
        x = x.narrow(axis, 0, x.shape[axis] - width) + x.narrow(axis, width, x.shape[axis] - width)
        width *= 2
