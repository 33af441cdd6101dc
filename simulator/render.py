"""Scene and render_stack: the whole flow of the fast renderer, and the one place that picks a kernel.

    image, disparity ──matte, occlusion──▶ visible + hidden surfaces ──layers──▶ bins, spectra   (once a scene)
    lenses ──lens──▶ radii ──aperture──▶ discs ──scatter──▶ blurred groups ──composite──▶ frames

Letters: F frames, L bins, r radius, R largest radius of the stack (all pixels).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from simulator.aperture import Aperture
from simulator.composite import Film
from simulator.layers import bin_disparities, binned, depth_groups
from simulator.ldi import LayeredDepthImage
from simulator.lens import ThinLens
from simulator.matte import split_mixed_pixels
from simulator.occlusion import hidden_surfaces
from simulator.peeling import peeled
from simulator.scatter import PaddedGrid, SpotSpectra, blurred, octave_of, octave_spectra, planar_spectra, spot_spectra

RENDERER_VERSION = "1"

FEWEST_BINS, MOST_BINS, GROUPS = 16, 48, 6
HIDDEN_BINS, HIDDEN_GROUPS = 8, 2
PEELS = 3  # of a scene whose surfaces are all known: the visible ones, and two behind them
_DISPLAY_WHITE = 1.001


class DepthGroup:
    """Neighbouring bins of one depth range: their disparities [L] and padded spectra [L, 4, H', W'/2+1].

    Spectra of coarser octaves are cut out of the full ones when first asked for, and kept.
    """

    def __init__(self, disparity: Float[Tensor, "l"], padded: Float[Tensor, "l 4 hp wp"]) -> None:
        self.disparities: list[float] = disparity.tolist()
        self._octaves = {0: planar_spectra(padded)}
        self._padded_width = padded.shape[-1]
        self._glows = bool(padded[:, :3].amax() > _DISPLAY_WHITE)

    def spectra(self, octave: int) -> Float[Tensor, "l 2 4 hq freqq"]:
        """The bins' spectra on the grid of an octave."""
        if octave not in self._octaves:
            self._octaves[octave] = octave_spectra(self._octaves[0], self._padded_width, octave)
        return self._octaves[octave]

    def octave(self, lens: ThinLens) -> int:
        """How coarse a grid will do. Light above white draws the rim of its disc: that takes the finest."""
        return 0 if self._glows else octave_of(min(self.radii_px(lens)))

    def radii_px(self, lens: ThinLens) -> list[float]:
        """Blur radius of each bin."""
        return [lens.blur_scale_px * abs(d - lens.focus_disparity) for d in self.disparities]


@dataclass(frozen=True)
class Scene:
    """What a whole focal stack shares: depth groups, nearest first, the hidden ones last.

    Built by `from_rgbd` or `from_layers`; `render` makes frames from it.
    """

    groups: tuple[DepthGroup, ...]
    grid: PaddedGrid
    device: torch.device
    max_radius_px: float
    disparity_range: tuple[float, float]

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
        grid = PaddedGrid.around(h, w, reach)
        seen = split_mixed_pixels(image, disparity, step)
        counts = (_bins_for(max_radius_px), GROUPS)
        groups = _depth_groups(grid, seen.light, seen.coverage, seen.disparity, counts)
        hidden = hidden_surfaces(image, disparity, reach_px=reach, step=step) if reach > 1 else []
        if hidden:
            light, coverage = torch.stack([s.light for s in hidden]), torch.stack([s.coverage for s in hidden])
            depth = torch.stack([s.disparity for s in hidden])
            groups += _depth_groups(grid, light, coverage, depth, (HIDDEN_BINS, HIDDEN_GROUPS))
        return cls(tuple(groups), grid, image.device, max_radius_px, (low, high))

    @classmethod
    def from_layers(cls, layers: LayeredDepthImage, max_radius_px: float) -> Scene:
        """A scene whose every surface is known, also where it is hidden. Raises ValueError on bad input."""
        _check_radius(max_radius_px)
        grid = PaddedGrid.around(layers.height, layers.width, math.ceil(max_radius_px))
        groups: list[DepthGroup] = []
        # The visible surfaces first: within a bin, what is seen must not mix with what it hides.
        for coverage in peeled(layers.coverage, layers.disparity, PEELS):
            counts = (HIDDEN_BINS, HIDDEN_GROUPS) if groups else (_bins_for(max_radius_px), GROUPS)
            light = layers.color * coverage[:, None]
            groups += _depth_groups(grid, light, coverage, layers.disparity, counts, layers.margin_px)
        seen = layers.disparity[layers.coverage > 0]
        return cls(tuple(groups), grid, layers.color.device, max_radius_px, _span(seen))

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
        spots = spot_spectra(aperture or Aperture(), self.grid, self.device)
        return torch.stack([self._frame(lens, spots) for lens in lenses])

    def _frame(self, lens: ThinLens, spots: SpotSpectra) -> Float[Tensor, "3 h w"]:
        """Groups in a run that share an octave are laid on a film of that octave, and the run as one on the frame's."""
        film = Film(self.grid.height, self.grid.width, self.device)
        for octave, run in itertools.groupby(self.groups, lambda group: group.octave(lens)):
            padded = [
                blurred(group.spectra(octave), [spots.of(r, octave) for r in group.radii_px(lens)]) for group in run
            ]  # each [4, H'/q, W'/q]
            if octave > 0 and len(padded) > 1:
                coarse = Film(padded[0].shape[1], padded[0].shape[2], self.device)
                for image in padded:
                    coarse.expose(image)
                padded = [coarse.as_group()]
            for image in padded:
                film.expose(self.grid.cropped(image, octave))
        return film.developed()


def _depth_groups(
    grid: PaddedGrid, light: Tensor, coverage: Tensor, disparity: Tensor, counts: tuple[int, int], margin_px: int = 0
) -> list[DepthGroup]:
    """light [N, 3, h, w] (times coverage), coverage [N, h, w], disparity [N, h, w] -> groups, nearest first."""
    bins, groups = counts
    if not bool((coverage > 0).any()):
        return []
    centres = bin_disparities(disparity, bins, where=coverage > 0)
    content = _padded(grid, torch.cat([light, coverage[:, None]], dim=1), margin_px)  # [N, 4, H', W']
    depth = _padded(grid, disparity, margin_px)  # [N, H', W']
    result = []
    for run in depth_groups(centres, groups):
        bin_content = binned(content, depth, centres, run)  # [l, 4, H', W']
        occupied = bin_content[:, 3].flatten(1).any(dim=1)
        if bool(occupied.any()):
            result.append(DepthGroup(centres[run][occupied], bin_content[occupied]))
    return result


def _bins_for(max_radius_px: float) -> int:
    """Bins about two pixels of blur apart at the most, when the plane in focus lies in the middle of the scene."""
    return min(max(round(max_radius_px), FEWEST_BINS), MOST_BINS)


def _padded(grid: PaddedGrid, image: Tensor, margin_px: int) -> Tensor:
    """The frame's edge, or the margin's where there is one, repeated outwards: what lies beyond it is not known."""
    trim = max(0, margin_px - grid.padding)
    image = image[..., trim : image.shape[-2] - trim, trim : image.shape[-1] - trim]
    before = grid.padding - (margin_px - trim)
    below = grid.padded_height - image.shape[-2] - before
    right = grid.padded_width - image.shape[-1] - before
    return F.pad(image, (before, right, before, below), mode="replicate")


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
