"""Scene and render_stack: the whole flow of the fast renderer, and the one place that picks a kernel.

    image, disparity ──matte, occlusion──▶ visible + hidden surfaces ──layers──▶ bins, spectra   (once a scene)
    lenses ──lens──▶ radii ──aperture──▶ discs ──scatter──▶ blurred groups ──composite──▶ frames
                                        or, quality="exact", every surface ──gather──▶ frames

Letters: F frames, L bins, r radius, R largest radius of the stack (all pixels).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor

from simulator.aperture import Aperture
from simulator.arguments import check_lenses, check_photo, check_quality, check_radius
from simulator.composite import Film
from simulator.depth_group import DepthGroup, Surfaces, group_behind, hidden_groups, seen_groups
from simulator.gather import gather_with_coverage
from simulator.ldi import LayeredDepthImage
from simulator.lens import ThinLens
from simulator.matte import SplitPixels, split_mixed_pixels
from simulator.occlusion import HiddenSurface, hidden_surfaces
from simulator.peeling import peeled
from simulator.scatter import PaddedGrid, SpotSpectra, blurred, spot_spectra

RENDERER_VERSION = "1"

PEELS = 3  # of a scene whose surfaces are all known: the visible ones, and two behind them


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
    layers: Callable[[], LayeredDepthImage]  # for quality="exact": built when asked for

    @classmethod
    def from_rgbd(cls, image: Tensor, disparity: Tensor, max_radius_px: float) -> Scene:
        """A scene from a photo (linear light) and its disparity; what it hides is filled in from the far side.

        max_radius_px is the largest blur radius that any lens will ask for. Raises ValueError on bad input.
        """
        check_photo(image, disparity)
        check_radius(max_radius_px)
        low, high = _span(disparity)
        # A step counts where at least a pixel of blur lies across it, at the largest radius.
        step = (high - low) / max(max_radius_px, 1.0)
        reach = math.ceil(max_radius_px)
        h, w = disparity.shape
        grid = PaddedGrid.around(h, w, reach)
        seen = split_mixed_pixels(image, disparity, step)
        groups = seen_groups(grid, Surfaces(seen.light, seen.coverage, seen.disparity), max_radius_px)
        hidden = hidden_surfaces(image, disparity, reach_px=reach, step=step) if reach > 1 else []
        for behind in hidden:  # a group a cut: a mean of what is stacked up would show neither
            surface = Surfaces(behind.light[None], behind.coverage[None], behind.disparity[None])
            groups += group_behind(grid, surface)
        layers = partial(layers_of, seen, hidden)
        return cls(tuple(groups), grid, image.device, max_radius_px, (low, high), layers)

    @classmethod
    def from_layers(cls, layers: LayeredDepthImage, max_radius_px: float) -> Scene:
        """A scene whose every surface is known, also where it is hidden. Raises ValueError on bad input."""
        check_radius(max_radius_px)
        grid = PaddedGrid.around(layers.height, layers.width, math.ceil(max_radius_px))
        # The visible surfaces first: within a bin, what is seen must not mix with what it hides.
        peels = [
            Surfaces(layers.color * coverage[:, None], coverage, layers.disparity, layers.margin_px)
            for coverage in peeled(layers.coverage, layers.disparity, PEELS)
        ]
        groups = seen_groups(grid, peels[0], max_radius_px)
        for peel in peels[1:]:
            groups += hidden_groups(grid, peel)
        span = _span(layers.disparity[layers.coverage > 0])
        return cls(tuple(groups), grid, layers.color.device, max_radius_px, span, lambda: layers)

    def render(
        self, lenses: Sequence[ThinLens], *, aperture: Aperture | None = None, quality: str = "fast"
    ) -> Float[Tensor, "f 3 h w"]:
        """One frame a lens: [F, 3, H, W], linear light. Raises ValueError when a lens asks for more than R."""
        check_lenses(lenses)
        check_quality(quality)
        for lens in lenses:
            radius = _largest_radius(lens, self.disparity_range)
            if radius > self.max_radius_px * (1 + 1e-5) + 1e-3:
                raise ValueError(
                    f"lenses must stay within max_radius_px = {self.max_radius_px:.2f} of the scene, "
                    f"got {radius:.2f} px from {lens}; build the Scene with a larger max_radius_px"
                )
        if quality == "exact":
            frames = gather_with_coverage(self.layers(), lenses, aperture=aperture)
            return frames[:, :3] / frames[:, 3:].clamp(min=1e-4)
        spots = spot_spectra(aperture or Aperture(), self.grid, self.device)
        return torch.stack([self._frame(lens, spots) for lens in lenses])

    def _frame(self, lens: ThinLens, spots: SpotSpectra) -> Float[Tensor, "3 h w"]:
        """Seen groups in a run that share an octave are laid on a film of that octave, the run as one on the frame's.

        Hidden ones go to the frame one by one: each takes of what is left, which a film of their own would not know.
        """
        film = Film(self.grid.height, self.grid.width, self.device)
        runs = itertools.groupby(self.groups, lambda group: (group.octave(lens), id(group) if group.hidden else 0))
        for (octave, _), run in runs:
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
    quality    "fast": layered scatter. "exact": gather through the aperture, ray by ray; slow

    Raises ValueError that names the argument, what must hold, and what came.
    """
    check_lenses(lenses)
    check_quality(quality)
    check_photo(image, disparity)
    span = _span(disparity)
    scene = Scene.from_rgbd(image, disparity, max_radius_px=max(_largest_radius(lens, span) for lens in lenses))
    return scene.render(lenses, aperture=aperture, quality=quality)


def layers_of(seen: SplitPixels, hidden: Sequence[HiddenSurface]) -> LayeredDepthImage:
    """A photo's visible and guessed surfaces, each whole where it shows, as rays meet them.

    The two parts of a mixed pixel share it; seen by a ray, the far part lies whole behind the near one.
    """
    light = torch.cat([seen.light, *(s.light[None] for s in hidden)])
    share = torch.cat([seen.coverage, *(s.coverage[None] for s in hidden)])
    disparity = torch.cat([seen.disparity, *(s.disparity[None] for s in hidden)])
    color = (light / share.clamp(min=1e-4)[:, None]).where(share[:, None] > 1e-4, 0.0)
    coverage = share.clone()
    coverage[1] = (share[1] > 1e-4).to(share.dtype)
    return LayeredDepthImage(color.clamp(min=0.0), coverage.clamp(0.0, 1.0), disparity)


def _span(disparity: Tensor) -> tuple[float, float]:
    return float(disparity.min()), float(disparity.max())


def _largest_radius(lens: ThinLens, span: tuple[float, float]) -> float:
    return lens.blur_scale_px * max(abs(span[0] - lens.focus_disparity), abs(span[1] - lens.focus_disparity))
