"""Scene and render_stack: the whole flow of the fast renderer, and the one place that picks a kernel.

    image, disparity ──matte, occlusion──▶ visible + hidden surfaces ──layers──▶ bins, spectra   (once a scene)
    lenses ──lens──▶ radii ──aperture──▶ discs ──scatter──▶ blurred groups ──composite──▶ frames

Letters: F frames, L bins, r radius, R largest radius of the stack (all pixels).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from jaxtyping import Complex, Float
from torch import Tensor

from simulator.aperture import Aperture
from simulator.composite import Film
from simulator.layers import bin_disparities, depth_groups, hat_weights
from simulator.ldi import LayeredDepthImage
from simulator.lens import ThinLens
from simulator.matte import split_mixed_pixels
from simulator.occlusion import hidden_surfaces
from simulator.scatter import blurred, disc_spectra, transform_size

RENDERER_VERSION = "1"

BINS = 32
GROUPS = 6
HIDDEN_BINS = 8


@dataclass(frozen=True)
class DepthGroup:
    """Neighbouring bins of one depth range: their disparities [L] and padded spectra [L, 4, H', W'/2+1]."""

    disparity: Float[Tensor, "l"]
    spectra: Complex[Tensor, "l 4 hp freq"]


@dataclass(frozen=True)
class Scene:
    """What a whole focal stack shares: depth groups, nearest first, the hidden surface last.

    Built by `from_rgbd` or `from_layers`; `render` makes frames from it.
    """

    groups: tuple[DepthGroup, ...]
    height: int
    width: int
    padding: int
    padded_width: int
    max_radius_px: float
    disparity_range: tuple[float, float] = field(default=(0.0, 0.0))

    @classmethod
    def from_rgbd(cls, image: Tensor, disparity: Tensor, max_radius_px: float) -> Scene:
        """A scene from a photo (linear light) and its disparity; what it hides is filled in from the far side.

        max_radius_px is the largest blur radius that any lens will ask for. Raises ValueError on bad input.
        """
        _check_photo(image, disparity)
        _check_radius(max_radius_px)
        low, high = _span(disparity)
        # A step counts where at least a pixel of blur lies across it, at the largest radius.
        step = (high - low) / max(max_radius_px, 1.0)
        reach = math.ceil(max_radius_px)
        h, w = disparity.shape
        sheet = _Sheet(h, w, reach + 1)
        seen = split_mixed_pixels(image, disparity, step)
        groups = sheet.groups(seen.light, seen.coverage, seen.disparity, BINS, GROUPS)
        if reach > 1:
            for hidden in hidden_surfaces(image, disparity, reach_px=reach, step=step):
                groups += sheet.groups(
                    hidden.light[None], hidden.coverage[None], hidden.disparity[None], HIDDEN_BINS, 1
                )
        return cls(tuple(groups), h, w, sheet.padding, sheet.padded_width, max_radius_px, (low, high))

    @classmethod
    def from_layers(cls, layers: LayeredDepthImage, max_radius_px: float) -> Scene:
        """A scene whose every surface is known, also where it is hidden. Raises ValueError on bad input."""
        _check_radius(max_radius_px)
        sheet = _Sheet(layers.height, layers.width, math.ceil(max_radius_px) + 1, layers.margin_px)
        light = layers.color * layers.coverage[:, None]
        groups = sheet.groups(light, layers.coverage, layers.disparity, BINS, GROUPS)
        seen = layers.disparity[layers.coverage > 0]
        return cls(
            tuple(groups),
            layers.height,
            layers.width,
            sheet.padding,
            sheet.padded_width,
            max_radius_px,
            _span(seen),
        )

    def render(
        self, lenses: Sequence[ThinLens], *, aperture: Aperture | None = None, quality: str = "fast"
    ) -> Float[Tensor, "f 3 h w"]:
        """One frame a lens: [F, 3, H, W], linear light. Raises ValueError when a lens asks for more than R."""
        _check_lenses(lenses)
        _check_quality(quality)
        for lens in lenses:
            radius = _largest_radius(lens, self.disparity_range)
            if radius > self.max_radius_px * (1 + 1e-5) + 1e-3:
                raise ValueError(
                    f"lenses must stay within max_radius_px = {self.max_radius_px:.2f} of the scene, "
                    f"got {radius:.2f} px from {lens}; build the Scene with a larger max_radius_px"
                )
        frames = [self._frames(chunk, aperture or Aperture()) for chunk in _chunks(lenses, 4)]
        return torch.cat(frames)

    def _frames(self, lenses: Sequence[ThinLens], aperture: Aperture) -> Tensor:
        film = Film(len(lenses), self.height, self.width, self.groups[0].spectra.device)
        top, padded_height = self.padding, self.groups[0].spectra.shape[2]
        for group in self.groups:
            radii = torch.stack([lens.defocus_px(group.disparity).abs() for lens in lenses])  # [F, L]
            discs = disc_spectra(aperture, radii, padded_height, self.padded_width)
            padded = blurred(group.spectra, discs, self.padded_width)  # [F, 4, H', W']
            film.expose(padded[..., top : top + self.height, top : top + self.width])
        return film.developed()


def render_stack(
    image: Tensor,
    disparity: Tensor,
    lenses: Sequence[ThinLens],
    *,
    aperture: Aperture | None = None,
    quality: str = "fast",
) -> Float[Tensor, "f 3 h w"]:
    """Focal stack of a photo: one frame a lens.

    image      float32 [3, H, W], linear light, >= 0, may exceed 1
    disparity  float32 [H, W], bigger is nearer, any unit
    returns    float32 [F, 3, H, W], linear light, on the device of `image`
    quality    "fast": layered scatter. "exact": gather through the aperture (not built yet).

    Raises ValueError that names the argument, what must hold, and what came.
    """
    _check_lenses(lenses)
    _check_quality(quality)
    _check_photo(image, disparity)
    span = _span(disparity)
    scene = Scene.from_rgbd(image, disparity, max_radius_px=max(_largest_radius(lens, span) for lens in lenses))
    return scene.render(lenses, aperture=aperture, quality=quality)


class _Sheet:
    """The padded pixel grid in which surfaces become spectra."""

    def __init__(self, height: int, width: int, padding: int, margin_px: int = 0) -> None:
        self.height, self.width, self.padding, self.margin_px = height, width, padding, margin_px
        self.padded_height = transform_size(height, padding)
        self.padded_width = transform_size(width, padding)

    def groups(self, light: Tensor, coverage: Tensor, disparity: Tensor, bins: int, groups: int) -> list[DepthGroup]:
        """light [N, 3, h, w] (times coverage), coverage [N, h, w], disparity [N, h, w] -> groups, nearest first."""
        centres = bin_disparities(disparity, bins, where=coverage > 0)
        content = torch.cat([light, coverage[:, None]], dim=1)  # [N, 4, h, w]
        result = []
        for run in depth_groups(centres, groups):
            weight = hat_weights(disparity, centres)[run]  # [l, N, h, w]
            binned = torch.einsum("lnhw,nchw->lchw", weight, content)
            occupied = binned[:, 3].flatten(1).any(dim=1)
            if occupied.any():
                spectra = torch.fft.rfft2(self._padded(binned[occupied]))
                result.append(DepthGroup(centres[run][occupied], spectra))
        return result

    def _padded(self, binned: Tensor) -> Tensor:
        """The frame's edge is repeated outwards: what lies beyond it is not known."""
        m, p = self.margin_px, self.padding
        trim = max(0, m - p)
        binned = binned[..., trim : binned.shape[-2] - trim, trim : binned.shape[-1] - trim]
        before = p - (m - trim)
        below = self.padded_height - binned.shape[-2] - before
        right = self.padded_width - binned.shape[-1] - before
        return F.pad(binned, (before, right, before, below), mode="replicate")


def _chunks(lenses: Sequence[ThinLens], size: int) -> list[Sequence[ThinLens]]:
    return [lenses[i : i + size] for i in range(0, len(lenses), size)]


def _span(disparity: Tensor) -> tuple[float, float]:
    return float(disparity.min()), float(disparity.max())


def _largest_radius(lens: ThinLens, span: tuple[float, float]) -> float:
    return lens.blur_scale_px * max(abs(span[0] - lens.focus_disparity), abs(span[1] - lens.focus_disparity))


def _check_photo(image: Tensor, disparity: Tensor) -> None:
    if image.ndim != 3 or image.shape[0] != 3:
        raise ValueError(f"image must be [3, H, W], got {list(image.shape)}")
    if disparity.ndim != 2:
        raise ValueError(f"disparity must be [H, W], got {list(disparity.shape)}")
    if image.shape[1:] != disparity.shape:
        raise ValueError(f"disparity must be {list(image.shape[1:])} like the image, got {list(disparity.shape)}")
    if not (image.is_floating_point() and disparity.is_floating_point()):
        raise ValueError(f"image and disparity must be floating point, got {image.dtype} and {disparity.dtype}")
    if not torch.isfinite(image).all() or image.min() < 0:
        raise ValueError("image must be finite linear light >= 0, got NaN, infinity or negative light")
    if not torch.isfinite(disparity).all():
        raise ValueError("disparity must be finite, got NaN or infinity")


def _check_lenses(lenses: Sequence[ThinLens]) -> None:
    if len(lenses) == 0:
        raise ValueError("lenses must hold at least one ThinLens, got an empty sequence")


def _check_radius(max_radius_px: float) -> None:
    if not (math.isfinite(max_radius_px) and max_radius_px >= 0):
        raise ValueError(f"max_radius_px must be finite and >= 0, got {max_radius_px}")


def _check_quality(quality: str) -> None:
    if quality == "exact":
        raise NotImplementedError('quality="exact" (gather through the aperture) is not built yet; use "fast"')
    if quality != "fast":
        raise ValueError(f'quality must be "fast" or "exact", got {quality!r}')
