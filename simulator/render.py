"""Scene and render_stack: the whole flow of the fast renderer, and the one place that picks a kernel.

    image, disparity ──matte, occlusion──▶ visible + hidden surfaces ──layers──▶ bins, spectra   (once a scene)
    lenses ──lens──▶ radii ──aperture──▶ discs ──scatter──▶ blurred groups ──composite──▶ frames
                                        or, quality="exact", every surface ──gather──▶ frames

Letters: F frames, L bins, r radius, R largest radius of the stack (all pixels).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor

from simulator.arguments import check_lenses, check_photo, check_quality, check_radius
from simulator.gather.rays import gather_with_coverage
from simulator.layers.layering import Layers, from_depth_image, from_photo, span
from simulator.layers.ldi import LayeredDepthImage
from simulator.optics.aperture import Aperture
from simulator.optics.circle_of_confusion import largest_radius_px
from simulator.optics.lateral import magnified
from simulator.optics.lens import ThinLens
from simulator.optics.regional_pupils import blended, regional_pupils
from simulator.scatter.depth_group import DepthGroup
from simulator.scatter.frame_stack import FrameStack
from simulator.scatter.grouping import hidden_groups, visible_groups

RENDERER_VERSION = "5"

SPECTRA_BYTES = 512 << 20  # a scene whose spectra need more makes them anew in each call of render
FRAMES_AT_ONCE = 16  # on a GPU; their sums of spectra take 21 MB each at 1024²


@dataclass(frozen=True)
class Scene:
    """What a whole focal stack shares: depth groups, nearest first, the hidden ones last.

    Built by `from_rgbd` or `from_layers`; `render` makes frames from it.

    layers:        the scene's surfaces, complete before any of them is blurred.
    visible:       the visible surfaces cut by depth, nearest first.
    hidden:        the hidden ones.
    max_radius_px: R, the largest blur radius that a lens may ask for.
    """

    layers: Layers
    visible: tuple[DepthGroup, ...]
    hidden: tuple[DepthGroup, ...]
    max_radius_px: float

    @classmethod
    def from_rgbd(cls, image: Tensor, disparity: Tensor, max_radius_px: float) -> Scene:
        """A scene from a photo (linear light) and its disparity; what it hides is filled in from the far side.

        max_radius_px is the largest blur radius that any lens will ask for. Raises ValueError on bad input.
        """
        check_photo(image, disparity)
        check_radius(max_radius_px)
        return cls._cut(from_photo(image, disparity, max_radius_px), max_radius_px)

    @classmethod
    def from_layers(cls, layers: LayeredDepthImage, max_radius_px: float) -> Scene:
        """A scene whose every surface is known, also where it is hidden. Raises ValueError on bad input."""
        check_radius(max_radius_px)
        return cls._cut(from_depth_image(layers, max_radius_px), max_radius_px)

    @classmethod
    def _cut(cls, layers: Layers, max_radius_px: float) -> Scene:
        visible, hidden = visible_groups(layers, max_radius_px), hidden_groups(layers, max_radius_px)
        return cls(layers, tuple(visible), tuple(hidden), max_radius_px)

    @property
    def groups(self) -> tuple[DepthGroup, ...]:
        """The visible and the hidden ones."""
        return self.visible + self.hidden

    def render(
        self, lenses: Sequence[ThinLens], *, aperture: Aperture | None = None, quality: str = "fast"
    ) -> Float[Tensor, "f 3 h w"]:
        """One frame a lens: [F, 3, H, W], linear light. Raises ValueError when a lens asks for more than R."""
        check_lenses(lenses)
        check_quality(quality)
        aperture = aperture or Aperture()
        for lens in lenses:
            radius = largest_radius_px([lens], self.layers.disparity_range, aperture)
            if radius > self.max_radius_px * (1 + 1e-5) + 1e-3:
                raise ValueError(
                    f"lenses must stay within max_radius_px = {self.max_radius_px:.2f} of the scene, "
                    f"got {radius:.2f} px from {lens}; build the Scene with a larger max_radius_px"
                )
        if quality == "exact":
            frames = self._gathered(lenses, aperture)
        elif aperture.cat_eye:
            size, radius_px = self.layers.size, largest_radius_px(lenses, self.layers.disparity_range, aperture)
            frames = blended(regional_pupils(aperture, size, radius_px), size, partial(self._scattered, lenses))
        else:
            frames = self._scattered(lenses, aperture)
        return magnified(frames, aperture.magnification)

    def _gathered(self, lenses: Sequence[ThinLens], aperture: Aperture) -> Float[Tensor, "f 3 h w"]:
        """Ray by ray, each colour by a lens of its own where they differ."""
        channels: list[Tensor] = []
        for of_channel in zip(*map(aperture.lenses_of_channels, lenses), strict=True):
            frames = gather_with_coverage(self.layers.depth_image(), of_channel, aperture=aperture.achromatic)
            channels.append(frames[:, :3] / frames[:, 3:].clamp(min=1e-4))
        if len(channels) == 1:
            return channels[0]
        return torch.stack([frames[:, c] for c, frames in enumerate(channels)], dim=1)

    def _scattered(self, lenses: Sequence[ThinLens], aperture: Aperture) -> Float[Tensor, "f 3 h w"]:
        """All frames at once, group by group, so that no more than one group's spectra need be there at a time."""
        stack = FrameStack(len(lenses), *self.layers.size, self.layers.device, 3 if aperture.is_chromatic else 1)
        keep = sum(group.spectra_bytes for group in self.groups) <= SPECTRA_BYTES
        sides = _focus_sides(self, lenses, aperture)
        for groups, add in ((self.visible, stack.add), (self.hidden, stack.add_hidden)):
            for group in groups:
                for side, frames in _batches(group, lenses, aperture, sides):
                    add(group.blurred([lenses[frame] for frame in frames], aperture), frames, side)
                if not keep:
                    group.release()
            if groups is self.visible:
                stack.end_visible()
        return stack.normalized()


def _focus_sides(scene: Scene, lenses: Sequence[ThinLens], aperture: Aperture) -> list[bool]:
    """For each lens, whether the side of the focus that a group is on tells how it shares the lens.

    That is so where visible groups lie on both sides and what they hide is known. A guess repeats what is visible
    beside it, which is the better guess: the sides' rule loses 0.2 dB with it.
    """
    if scene.layers.known is None:
        return [False] * len(lenses)
    sides = [{group.side(lens, aperture) for group in scene.visible} for lens in lenses]
    return [side >= {1, -1} for side in sides]


def _batches(
    group: DepthGroup, lenses: Sequence[ThinLens], aperture: Aperture, has_sides: Sequence[bool]
) -> Iterator[tuple[int, list[int]]]:
    """A side of the focus, and frames to blur a group for in one go, all on that side and on one octave.

    A CPU's caches hold one, a GPU idles with one.
    """
    batches: dict[tuple[int, int], list[int]] = {}
    for frame, lens in enumerate(lenses):
        side = group.side(lens, aperture) if has_sides[frame] else 0
        batches.setdefault((side, group.octave(lens, aperture)), []).append(frame)
    at_once = frames_at_once(group.device)
    for (side, _), frames in batches.items():
        for start in range(0, len(frames), at_once):
            yield side, frames[start : start + at_once]


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
    radius = largest_radius_px(lenses, span(disparity), aperture or Aperture())
    scene = Scene.from_rgbd(image, disparity, max_radius_px=radius)
    return scene.render(lenses, aperture=aperture, quality=quality)
