"""Scene and render_stack: the whole flow of the fast renderer, and the one place that picks a kernel.

    image, disparity ──matte, occlusion──▶ visible + hidden surfaces ──layers──▶ bins, spectra   (once a scene)
    lenses ──lens──▶ radii ──aperture──▶ discs ──scatter──▶ blurred groups ──composite──▶ frames
                                        or, quality="exact", every surface ──gather──▶ frames

Letters: F frames, L bins, r radius, R largest radius of the stack (all pixels).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor

from simulator.arguments import check_lenses, check_photo, check_quality, check_radius
from simulator.gather.rays import gather_with_coverage
from simulator.layers.ldi import LayeredDepthImage
from simulator.layers.matting import SplitPixels, split_mixed_pixels
from simulator.layers.occlusion import HiddenSurface, hidden_surfaces
from simulator.layers.peeling import peeled
from simulator.optics.aperture import Aperture
from simulator.optics.lateral import magnified
from simulator.optics.lens import ThinLens
from simulator.optics.regions import blended, regions
from simulator.scatter.depth_group import DepthGroup, Surfaces, guessed_group, hidden_groups, seen_groups
from simulator.scatter.exposure import Exposure

RENDERER_VERSION = "4"

SPECTRA_BYTES = 512 << 20  # a scene whose spectra need more makes them anew in each call of render
FRAMES_AT_ONCE = 16  # on a GPU; their sums of spectra take 21 MB each at 1024²
PEELS = 3  # of a scene whose surfaces are all known: the visible ones, and two behind them


@dataclass(frozen=True)
class Scene:
    """What a whole focal stack shares: depth groups, nearest first, the hidden ones last.

    Built by `from_rgbd` or `from_layers`; `render` makes frames from it.
    """

    groups: tuple[DepthGroup, ...]
    hidden: tuple[DepthGroup, ...]
    size: tuple[int, int]
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
        seen = split_mixed_pixels(image, disparity, step)
        groups = seen_groups(Surfaces(seen.light, seen.coverage, seen.disparity), (h, w), max_radius_px)
        hidden = hidden_surfaces(seen, disparity, reach_px=reach, step=step) if reach > 1 else []
        behind = [group for surface in hidden for group in guessed_group(surface, (h, w), max_radius_px)]
        layers = partial(layers_of, seen, hidden)
        return cls(tuple(groups), tuple(behind), (h, w), image.device, max_radius_px, (low, high), layers)

    @classmethod
    def from_layers(cls, layers: LayeredDepthImage, max_radius_px: float) -> Scene:
        """A scene whose every surface is known, also where it is hidden. Raises ValueError on bad input."""
        check_radius(max_radius_px)
        span = _span(layers.disparity[layers.coverage > 0])
        # The visible surfaces first: within a bin, what is seen must not mix with what it hides.
        peels = [
            Surfaces(layers.color * coverage[:, None], coverage, layers.disparity, layers.margin_px)
            for coverage in peeled(layers.coverage, layers.disparity, PEELS)
        ]
        size = (layers.height, layers.width)
        groups = seen_groups(peels[0], size, max_radius_px)
        behind = [group for peel in peels[1:] for group in hidden_groups(peel, size, max_radius_px)]
        return cls(tuple(groups), tuple(behind), size, layers.color.device, max_radius_px, span, lambda: layers)

    def render(
        self, lenses: Sequence[ThinLens], *, aperture: Aperture | None = None, quality: str = "fast"
    ) -> Float[Tensor, "f 3 h w"]:
        """One frame a lens: [F, 3, H, W], linear light. Raises ValueError when a lens asks for more than R."""
        check_lenses(lenses)
        check_quality(quality)
        aperture = aperture or Aperture()
        for lens in lenses:
            radius = _largest_radius(lens, self.disparity_range, aperture)
            if radius > self.max_radius_px * (1 + 1e-5) + 1e-3:
                raise ValueError(
                    f"lenses must stay within max_radius_px = {self.max_radius_px:.2f} of the scene, "
                    f"got {radius:.2f} px from {lens}; build the Scene with a larger max_radius_px"
                )
        if quality == "exact":
            frames = self._gathered(lenses, aperture)
        elif aperture.cat_eye:
            radius = max(_largest_radius(lens, self.disparity_range, aperture) for lens in lenses)
            frames = blended(regions(aperture, self.size, radius), self.size, partial(self._scattered, lenses))
        else:
            frames = self._scattered(lenses, aperture)
        return magnified(frames, aperture.magnification)

    def _gathered(self, lenses: Sequence[ThinLens], aperture: Aperture) -> Float[Tensor, "f 3 h w"]:
        """Ray by ray, each colour by a lens of its own where they differ."""
        channels: list[Tensor] = []
        for of_channel in zip(*map(aperture.lenses_of_channels, lenses), strict=True):
            frames = gather_with_coverage(self.layers(), of_channel, aperture=aperture.achromatic)
            channels.append(frames[:, :3] / frames[:, 3:].clamp(min=1e-4))
        if len(channels) == 1:
            return channels[0]
        return torch.stack([frames[:, c] for c, frames in enumerate(channels)], dim=1)

    def _scattered(self, lenses: Sequence[ThinLens], aperture: Aperture) -> Float[Tensor, "f 3 h w"]:
        """All frames at once, group by group, so that no more than one group's spectra need be there at a time."""
        exposure = Exposure(len(lenses), *self.size, self.device, 3 if aperture.is_chromatic else 1)
        keep = sum(group.spectra_bytes for group in self.groups + self.hidden) <= SPECTRA_BYTES
        for number, group in enumerate(self.groups + self.hidden):
            expose = exposure.expose if number < len(self.groups) else exposure.expose_hidden
            for frames in _batches(group, lenses, aperture, self.device):
                expose(group.blurred([lenses[frame] for frame in frames], aperture), frames)
            if not keep:
                group.release()
        return exposure.developed()


def _batches(
    group: DepthGroup, lenses: Sequence[ThinLens], aperture: Aperture, device: torch.device
) -> Iterator[list[int]]:
    """Frames to blur a group for in one go, all on one octave: a CPU's caches hold one, a GPU idles with one."""
    by_octave: dict[int, list[int]] = {}
    for frame, lens in enumerate(lenses):
        by_octave.setdefault(group.octave(lens, aperture), []).append(frame)
    at_once = frames_at_once(device)
    for frames in by_octave.values():
        for start in range(0, len(frames), at_once):
            yield frames[start : start + at_once]


def frames_at_once(device: torch.device) -> int:
    """How many frames of a group are blurred together."""
    return 1 if device.type == "cpu" else FRAMES_AT_ONCE


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
    radius = max(_largest_radius(lens, span, aperture or Aperture()) for lens in lenses)
    scene = Scene.from_rgbd(image, disparity, max_radius_px=radius)
    return scene.render(lenses, aperture=aperture, quality=quality)


def layers_of(seen: SplitPixels, hidden: Sequence[HiddenSurface]) -> LayeredDepthImage:
    """A photo's visible and guessed surfaces, each whole where it shows, as rays meet them.

    The two parts of a mixed pixel share it; seen by a ray, the far part lies whole behind the near one.
    """
    near = seen.disparity[0]
    whole = [surface.at_full_size(*near.shape) for surface in hidden]
    behind = [(surface, surface.disparity < near) for surface in whole]  # a cell may also hold pixels beyond the rim
    light = torch.cat([seen.light, *((s.light * is_behind)[None] for s, is_behind in behind)])
    share = torch.cat([seen.coverage, *((s.coverage * is_behind)[None] for s, is_behind in behind)])
    disparity = torch.cat([seen.disparity, *(s.disparity[None] for s in whole)])
    color = (light / share.clamp(min=1e-4)[:, None]).where(share[:, None] > 1e-4, 0.0)
    coverage = share.clone()
    coverage[1] = (share[1] > 1e-4).to(share.dtype)
    return LayeredDepthImage(color.clamp(min=0.0), coverage.clamp(0.0, 1.0), disparity)


def _span(disparity: Tensor) -> tuple[float, float]:
    return float(disparity.min()), float(disparity.max())


def _largest_radius(lens: ThinLens, span: tuple[float, float], aperture: Aperture) -> float:
    return max(
        channel.blur_scale_px * abs(end - channel.focus_disparity)
        for channel in aperture.lenses_of_channels(lens)
        for end in span
    )
