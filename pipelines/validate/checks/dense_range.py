"""A flat plane inside a scene with a dense range of disparity: labels between bins, and the plane in focus.

    ┌──┬──────────────────────────────┐
    │0 │                              │   strip: every disparity from 0 to 1
    │..│   plane at D0                │   plane: a white point on black, or a texture
    │1 │                              │   both at least R apart, so that the strip's blur does not reach the plane
    └──┴──────────────────────────────┘

Letters: D0 disparity of the plane; D_f plane in focus; K blur scale; R largest radius; r labeled radius, m
measured radius.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from pipelines.measure.rendering_error import psnr
from pipelines.validate.checks.check import Check
from simulator import Aperture, Scene, ThinLens, render_stack
from simulator.layers.ldi import LayeredDepthImage
from simulator.optics.disc import second_moment_radius_px

LARGEST_RADII_PX = (24, 48, 64, 100)
RADII_PX = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)
PLACES = (0.4537, 0.4613, 0.4689, 0.4766)
"""D0, and 1 − D0 for points in front of the focus. Near the middle, so that the range spans up to 2R pixels of defocus
and bins are as far apart as R allows; steps that no even spacing of bins divides."""
_STRIP_PX = 8
_REACH = 0.9  # r / R of the largest label
_FAINT = 3e-7  # float32 transforms leave about 1e-8 everywhere, which far from the disc would weigh in


@dataclass(frozen=True)
class MeasuredSpot:
    """A point's label and the radius measured from its second moment, in pixels."""

    labeled_px: float
    measured_px: float
    where: str

    @property
    def excess(self) -> float:
        """|m − r| over what is allowed: max(1 %, 0.03 px)."""
        return abs(self.measured_px - self.labeled_px) / max(0.01 * self.labeled_px, 0.03)


def dense_disparity(height: int, width: int, plane: float) -> Tensor:
    """[H, W]: the plane, and a strip at the left with every disparity from 0 to 1."""
    disparity = torch.full((height, width), plane)
    ramp = torch.linspace(0.0, 1.0, height * _STRIP_PX).view(height, _STRIP_PX)
    disparity[:, :_STRIP_PX] = ramp
    return disparity


def spots(largest_px: int, radii_px: Sequence[float], place: float, in_front: bool) -> list[MeasuredSpot]:
    """A point at D0, seen by one lens for each radius, all of one scene."""
    side, plane = ("in front", 1.0 - place) if in_front else ("behind", place)
    return [
        MeasuredSpot(r, _measured_px(frame.where(frame > _FAINT, 0.0)), f"D {plane:.4f}, {side}")
        for r, frame in point_frames(largest_px, radii_px, place, in_front)
    ]


def point_frames(
    largest_px: int, radii_px: Sequence[float], place: float, in_front: bool, aperture: Aperture | None = None
) -> list[tuple[float, Tensor]]:
    """For each radius up to _REACH of the largest: the radius, and the frame [d, d] of a white point in its middle."""
    plane = 1.0 - place if in_front else place
    labels = [r for r in radii_px if r <= _REACH * largest_px]
    half = math.ceil(1.3 * labels[-1]) + 8
    width = _STRIP_PX + largest_px + math.ceil(labels[-1]) + 2 * half + 1
    image = torch.zeros(3, 2 * half + 1, width)
    image[:, half, width - half - 1] = 1.0
    lenses = [_lens(plane, r, largest_px, in_front) for r in labels]
    scene = Scene.from_rgbd(image, dense_disparity(2 * half + 1, width, plane), max_radius_px=float(largest_px))
    frames = scene.render(lenses, aperture=aperture)[:, 1, :, width - 2 * half - 1 :].double()  # [F, d, d]
    return list(zip(labels, frames, strict=True))


def _lens(plane: float, radius_px: float, largest_px: int, in_front: bool) -> ThinLens:
    """The lens that blurs the plane by r, and whose largest radius over disparities from 0 to 1 is R."""
    behind = 1.0 - plane if in_front else plane  # of the range, on the plane's side of the focus
    scale = min((largest_px - radius_px) / behind, (largest_px + radius_px) / (1.0 - behind))
    return ThinLens(plane + (-radius_px if in_front else radius_px) / scale, scale)


def _measured_px(spot: Tensor) -> float:
    """m; 0 for a point that stays in its pixel, infinity for a spot with NaN or without light."""
    if not (torch.isfinite(spot).all() and spot.sum() > 0):
        return math.inf
    radius = second_moment_radius_px(spot)
    return 0.0 if math.isnan(radius) else radius


def labels_between_bins(
    largest_px: int, radii_px: Sequence[float] = RADII_PX, places: Sequence[float] = PLACES
) -> list[Check]:
    """|m − r| / max(1 % of r, 0.03 px), the worst over places and both sides of the focus; one check a radius."""
    found: dict[float, list[MeasuredSpot]] = {}
    for place in places:
        for in_front in (False, True):
            for spot in spots(largest_px, radii_px, place, in_front):
                found.setdefault(spot.labeled_px, []).append(spot)
    worst = {r: max(of_label, key=lambda spot: spot.excess) for r, of_label in found.items()}
    return [
        Check(
            f"label between bins, R {largest_px}, r {r:g}",
            abs(spot.measured_px - r),
            "px",
            "at most",
            max(0.01 * r, 0.03),
            f"m {spot.measured_px:.3f}, {spot.where}",
        )
        for r, spot in worst.items()
    ]


def focus_planes(largest_px: int, places: Sequence[float] = PLACES, side_px: int = 64) -> list[Check]:
    """PSNR of a textured plane in focus against the photo, the worst over places; one check a texture and route."""
    found: dict[tuple[str, str], list[tuple[float, str]]] = {}
    for place in places:
        for texture, content in _textures(side_px).items():
            for route, frame in _in_focus(content, place, largest_px):
                value = psnr(frame[..., -side_px:].clamp(min=0.0), content)
                found.setdefault((texture, route), []).append((value, f"D {place:.4f}"))
    lowest = {names: min(values) for names, values in found.items()}
    return [
        Check(f"plane in focus, {texture}, R {largest_px}, {route}", value, "dB", "at least", 50.0, where)
        for (texture, route), (value, where) in lowest.items()
    ]


def _textures(side_px: int) -> dict[str, Tensor]:
    """Linear light [3, S, S]: white noise, and noise that is smooth over four pixels."""
    generator = torch.Generator().manual_seed(7)
    noise = torch.rand(3, side_px, side_px, generator=generator)
    coarse = torch.rand(1, 3, side_px // 4, side_px // 4, generator=generator)
    smooth = F.interpolate(coarse, size=(side_px, side_px), mode="bilinear", align_corners=False)[0]
    return {"noise": noise, "smooth over 4 px": smooth}


def _in_focus(content: Tensor, place: float, largest_px: int) -> Iterator[tuple[str, Tensor]]:
    """The frame [3, H, W] focused on the plane, by each way to make one."""
    side = content.shape[-1]
    width = _STRIP_PX + largest_px + 4 + side
    image = F.pad(content, (width - side, 0, 0, 0), mode="replicate")
    disparity = dense_disparity(side, width, place)
    lens = ThinLens(place, largest_px / (1.0 - place))
    yield "render_stack", render_stack(image, disparity, [lens])[0]
    before = Scene.from_rgbd(image, disparity, max_radius_px=1.3 * largest_px)
    yield "from_rgbd before lenses", before.render([lens])[0]
    in_strip = torch.arange(width).expand(side, width) < _STRIP_PX
    coverage = torch.stack([~in_strip, in_strip]).float()
    layers = LayeredDepthImage(image.expand(2, -1, -1, -1).clone(), coverage, disparity.expand(2, -1, -1).clone())
    yield "from_layers", Scene.from_layers(layers, max_radius_px=1.001 * largest_px).render([lens])[0]
