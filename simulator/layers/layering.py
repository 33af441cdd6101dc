"""The layers of a scene: visible surfaces, and the hidden surfaces behind them. All tensors are finished here.

A renderer needs nothing else of a scene: `from_photo` guesses what a photo hides, `from_depth_image` peels a scene
whose every surface is known.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from simulator.layers.ldi import LayeredDepthImage
from simulator.layers.matting import split_mixed_pixels
from simulator.layers.occlusion import hidden_surfaces
from simulator.layers.peeling import peeled
from simulator.layers.revealing import revealed
from simulator.layers.surfaces import Surfaces

_SILHOUETTE = 1 / 24  # of the disparity range: a step between neighboring pixels as large as this is a silhouette
_REACH = 1 / 4  # of the long side: how far behind silhouettes hidden surfaces reach at least
_PEELS = 3  # of a scene whose surfaces are all known: the visible ones, and two behind them
_WIDEST = 2.0  # a lens in focus in the middle of the range blurs its ends by R: K is at most 2 R over the range
_LEAST_COVERAGE = 1e-4  # of a pixel: below it, light over coverage is rounding


@dataclass(frozen=True)
class Layers:
    """A scene as surfaces.

    visible:         what a pinhole sees.
    hidden:          what lies behind it, nearest first; each entry may cover a part of the frame only.
    size:            (height, width) of the frame in pixels.
    disparity_range: smallest and largest disparity.
    known:           the scene itself, where every surface is known; None where hidden surfaces are guessed.
    """

    visible: Surfaces
    hidden: tuple[Surfaces, ...]
    size: tuple[int, int]
    disparity_range: tuple[float, float]
    known: LayeredDepthImage | None = None

    @property
    def device(self) -> torch.device:
        """Where the tensors lie."""
        return self.visible.light.device

    def depth_image(self) -> LayeredDepthImage:
        """The same surfaces as rays meet them: colors without coverage, hidden surfaces on the frame's pixels.

        The near and the far part of a mixed pixel share it. A ray that passes the near part meets the far part in the
        whole pixel, so the far part's coverage becomes 1.
        """
        if self.known is not None:
            return self.known
        near = self.visible.disparity[0]
        hidden = [surface.in_pixels(*self.size) for surface in self.hidden]
        # A cell of a hidden surface may also hold pixels beyond the silhouette, where it is not behind anything.
        is_behind = [surface.disparity < near for surface in hidden]
        light = torch.cat(
            [self.visible.light, *(s.light * mask[:, None] for s, mask in zip(hidden, is_behind, strict=True))]
        )
        share = torch.cat([self.visible.coverage, *(s.coverage * m for s, m in zip(hidden, is_behind, strict=True))])
        disparity = torch.cat([self.visible.disparity, *(s.disparity for s in hidden)])
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


def from_depth_image(scene: LayeredDepthImage, max_radius_px: float) -> Layers:
    """Layers of a scene whose every surface is known, also where it is hidden."""
    # The visible surfaces come first: within a bin, a visible surface must not mix with the one that it hides.
    visible, *hidden = peeled(scene.coverage, scene.disparity, _PEELS)
    low, high = span(scene.disparity[scene.coverage > 0])
    # A peel holds what lies behind every surface. What no lens can see must not show through rounding errors.
    is_revealed = revealed(visible, scene.disparity, _WIDEST * max_radius_px / max(high - low, 1e-9), (low, high))
    hidden = [share * is_revealed for share in hidden]
    surfaces = [
        Surfaces(scene.color * coverage[:, None], coverage, scene.disparity, scene.margin_px)
        for coverage in (visible, *hidden)
    ]
    return Layers(surfaces[0], tuple(surfaces[1:]), (scene.height, scene.width), (low, high), scene)


def span(disparity: Tensor) -> tuple[float, float]:
    """Smallest and largest disparity."""
    return float(disparity.min()), float(disparity.max())
