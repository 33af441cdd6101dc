"""The layers of a photo: visible surfaces, and guessed hidden surfaces behind them. All tensors are finished here.

A renderer needs nothing else of a photo. Scenes whose every surface is known: `slabs`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from simulator.layers.ldi import LayeredDepthImage
from simulator.layers.matting import split_mixed_pixels
from simulator.layers.occlusion import hidden_surfaces
from simulator.layers.surfaces import Surfaces

_SILHOUETTE = 1 / 24  # of the disparity range: a step between neighboring pixels as large as this is a silhouette
_REACH = 1 / 4  # of the long side: how far behind silhouettes hidden surfaces reach at least
_LEAST_COVERAGE = 1e-4  # of a pixel: below it, light over coverage is rounding


@dataclass(frozen=True)
class Layers:
    """A photo as surfaces.

    visible:         what a pinhole sees.
    hidden:          what lies behind it, nearest first; each entry may cover a part of the frame only.
    size:            (height, width) of the frame in pixels.
    disparity_range: smallest and largest disparity.
    """

    visible: Surfaces
    hidden: tuple[Surfaces, ...]
    size: tuple[int, int]
    disparity_range: tuple[float, float]

    @property
    def device(self) -> torch.device:
        return self.visible.light.device

    def depth_image(self) -> LayeredDepthImage:
        """The same surfaces as rays meet them: colors without coverage, hidden surfaces on the frame's pixels.

        The near and the far part of a mixed pixel share it. A ray that passes the near part meets the far part in the
        whole pixel, so the far part's coverage becomes 1.
        """
        near = self.visible.disparity[0]
        surfaces = [self.visible, *(surface.in_pixels(*self.size) for surface in self.hidden)]
        light, share, disparity = (
            torch.cat([getattr(s, name) for s in surfaces]) for name in ("light", "coverage", "disparity")
        )
        # A cell of a hidden surface may also hold pixels beyond the silhouette, where it is not behind anything.
        is_behind = disparity[2:] < near
        light[2:] *= is_behind[:, None]
        share[2:] *= is_behind
        divisor = share.clamp(min=_LEAST_COVERAGE)[:, None]
        color = (light / divisor).where(share[:, None] > _LEAST_COVERAGE, 0.0)
        coverage = share.clone()
        coverage[1] = (share[1] > _LEAST_COVERAGE).to(share.dtype)
        return LayeredDepthImage(color.clamp(min=0.0), coverage.clamp(0.0, 1.0), disparity)


def from_photo(image: Tensor, disparity: Tensor, max_radius_px: float) -> Layers:
    """Layers of a photo [3, H, W] in linear light and its disparity [H, W].

    Mixed pixels are split into a near and a far part; hidden surfaces are filled in from the far side of silhouettes,
    as far as a lens whose blur radius is `max_radius_px` looks behind them.
    """
    low, high = span(disparity)
    # Both are the photo's own, not the lenses': a frame must not depend on what else is rendered of the photo.
    step = _SILHOUETTE * (high - low)
    reach_px = math.ceil(max(_REACH * max(disparity.shape), max_radius_px))
    visible = split_mixed_pixels(image, disparity, step)
    hidden = hidden_surfaces(visible, disparity, reach_px=reach_px, step=step) if reach_px > 1 else []
    height, width = disparity.shape
    return Layers(visible, tuple(hidden), (height, width), (low, high))


def span(disparity: Tensor) -> tuple[float, float]:
    """Smallest and largest disparity."""
    return float(disparity.min()), float(disparity.max())
