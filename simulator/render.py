"""Scene and render_stack: all steps from a photo and its disparity to a focal stack.

    image, disparity ──matting, occlusion──▶ visible + hidden surfaces ──bins──▶ depth groups   (once per scene)
    lenses ──lens──▶ radii ──aperture──▶ discs ──scatter──▶ blurred groups ──composite──▶ frames
                                        or, quality="exact", every surface ──gather──▶ frames

Letters: F frames, L bins, r radius, R largest radius of the stack (all pixels).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor

from simulator.arguments import check_lenses, check_photo, check_quality, check_radius
from simulator.gather.rays import gather_with_coverage
from simulator.layers.layering import Layers, from_photo, span
from simulator.layers.ldi import LayeredDepthImage
from simulator.layers.slabs import DepthSlabs
from simulator.optics.aperture import Aperture
from simulator.optics.circle_of_confusion import largest_radius_px
from simulator.optics.lateral import magnified
from simulator.optics.lens import ThinLens
from simulator.optics.pupil_modes import PupilModes, pupil_modes
from simulator.optics.regional_pupils import blend_regions, regional_pupils
from simulator.scatter.depth_group import DepthGroup
from simulator.scatter.frame_stack import FrameStack
from simulator.scatter.grouping import hidden_groups, slab_groups, visible_groups
from simulator.scatter.slab_frames import slab_frames

RENDERER_VERSION = "5"

SPECTRA_BYTES = {"cpu": 192 << 20, "cuda": 512 << 20}
"""By device, others as cuda. Spectra of scenes that need more are computed anew in each `render`, a group at a time."""
MAX_FRAMES_PER_BATCH, BATCH_BYTES = 16, 512 << 20
"""On a GPU; the sum of spectra of one frame takes about 20 bytes a pixel, 21 MB at 1024²."""


@dataclass(frozen=True)
class Scene:
    """The layers and depth groups that all frames of a focal stack share, nearest first, hidden ones last.

    Built by `from_rgbd` or `from_layers`; `render` makes frames from it.

    layers:        the scene's surfaces, complete before any of them is blurred.
    visible:       the visible surfaces cut by depth, nearest first; of known layers, the slabs.
    hidden:        the hidden surfaces cut by depth, nearest first; none of known layers.
    max_radius_px: R, the largest blur radius that a lens may ask for.
    """

    layers: Layers | DepthSlabs
    visible: tuple[DepthGroup, ...]
    hidden: tuple[DepthGroup, ...]
    max_radius_px: float

    @classmethod
    def from_rgbd(cls, image: Tensor, disparity: Tensor, max_radius_px: float) -> Scene:
        """A scene from a photo [3, H, W] (linear light) and its disparity [H, W].

        Hidden surfaces are filled in from the far side of each depth edge.

        max_radius_px is the largest blur radius that any lens will ask for. Raises ValueError on bad input.
        """
        check_photo(image, disparity)
        check_radius(max_radius_px)
        layers = from_photo(image, disparity, max_radius_px)
        visible, hidden = visible_groups(layers, max_radius_px), hidden_groups(layers, max_radius_px)
        return cls(layers, tuple(visible), tuple(hidden), max_radius_px)

    @classmethod
    def from_layers(cls, layers: LayeredDepthImage, max_radius_px: float) -> Scene:
        """A scene whose surfaces are all known, also where they are hidden. Raises ValueError on bad input."""
        check_radius(max_radius_px)
        slabs = DepthSlabs.from_scene(layers)
        return cls(slabs, tuple(slab_groups(slabs, max_radius_px)), (), max_radius_px)

    @property
    def groups(self) -> tuple[DepthGroup, ...]:
        """The visible groups, then the hidden ones."""
        return self.visible + self.hidden

    def render(
        self, lenses: Sequence[ThinLens], *, aperture: Aperture | None = None, quality: str = "fast"
    ) -> Float[Tensor, "f 3 h w"]:
        """One frame per lens: [F, 3, H, W], linear light. Raises ValueError when a lens asks for more than R."""
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
        radius_px = largest_radius_px(lenses, self.layers.disparity_range, aperture)
        lenses = [replace(lens, blur_scale_px=aperture.reach * lens.blur_scale_px) for lens in lenses]
        render = self._gather if quality == "exact" else self._scatter
        if not aperture.varies or (quality == "exact" and aperture.passes_rays):
            frames = render(lenses, aperture)
        elif quality == "exact" or isinstance(self.layers, DepthSlabs):
            regions = regional_pupils(aperture, self.layers.size, radius_px)
            frames = blend_regions(regions, self.layers.size, partial(render, lenses))
        else:
            modes = pupil_modes(aperture.achromatic, self.layers.size)
            frames = self._scatter(lenses, aperture.at_field(0.0, 0.0), modes)
        return magnified(frames, aperture.magnification)

    def _gather(self, lenses: Sequence[ThinLens], aperture: Aperture) -> Float[Tensor, "f 3 h w"]:
        """Frames ray by ray. With longitudinal chromatic aberration each color is traced through its own lens."""
        channels: list[Tensor] = []
        for color, channel_lenses in enumerate(zip(*map(aperture.channel_lenses, lenses), strict=True)):
            pupil = aperture.achromatic.of_channel(color)
            frames = gather_with_coverage(self.layers.depth_image(), channel_lenses, aperture=pupil)
            channels.append(frames[:, :3] / frames[:, 3:].clamp(min=1e-4))
        if len(channels) == 1:
            return channels[0]
        return torch.stack([frames[:, c] for c, frames in enumerate(channels)], dim=1)

    def _scatter(
        self, lenses: Sequence[ThinLens], aperture: Aperture, modes: PupilModes | None = None
    ) -> Float[Tensor, "f 3 h w"]:
        """All frames, group by group, so that the spectra of one group suffice at a time.

        modes: of an aperture that varies over the frame; `aperture` is then that of its middle.
        """
        most_bytes = SPECTRA_BYTES.get(self.layers.device.type, SPECTRA_BYTES["cuda"])
        keeps_spectra = sum(group.spectra_bytes(lenses) for group in self.groups) <= most_bytes
        if isinstance(self.layers, DepthSlabs):
            return slab_frames(self.layers, self.visible, lenses, aperture, keeps_spectra)
        stack = FrameStack(len(lenses), *self.layers.size, self.layers.device, 3 if aperture.is_chromatic else 1)
        for groups in (self.visible, self.hidden):
            for group in groups:
                for frames in _batches(group, lenses, aperture, self.layers.size):
                    batch = [lenses[frame] for frame in frames]
                    is_visible = groups is self.visible  # what is hidden takes what is left
                    defocus_px = [group.mean_defocus_px(lens, aperture) for lens in batch] if is_visible else ()
                    stack.add(group.blurred(batch, aperture, modes), frames, defocus_px)
                if not keeps_spectra:
                    group.release()
            if groups is self.visible:
                stack.end_visible()
        return stack.normalized()


def _batches(
    group: DepthGroup, lenses: Sequence[ThinLens], aperture: Aperture, size: tuple[int, int]
) -> Iterator[list[int]]:
    """Numbers of the frames that a group is blurred for together, all on one octave.

    A CPU takes one frame at a time, since its caches hold no more; a GPU would idle with one.
    """
    batches: dict[int, list[int]] = {}
    for frame, lens in enumerate(lenses):
        batches.setdefault(group.octave(lens, aperture), []).append(frame)
    batch_size = frames_per_batch(group.device, size)
    for frames in batches.values():
        for start in range(0, len(frames), batch_size):
            yield frames[start : start + batch_size]


def frames_per_batch(device: torch.device, size: tuple[int, int]) -> int:
    """How many frames of this size (height, width) a group is blurred for together; the same on every GPU."""
    if device.type == "cpu":
        return 1
    return max(1, min(MAX_FRAMES_PER_BATCH, BATCH_BYTES // (20 * size[0] * size[1])))


def render_stack(
    image: Tensor,
    disparity: Tensor,
    lenses: Sequence[ThinLens],
    *,
    aperture: Aperture | None = None,
    quality: str = "fast",
) -> Float[Tensor, "f 3 h w"]:
    """Focal stack of a photo [F, 3, H, W]: one frame per lens.

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
