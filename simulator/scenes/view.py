"""Where the camera looks and how: one way for all kinds, so that a picture's place says little about its depth."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from simulator.scenes.camera import Camera
from simulator.scenes.raster import Primitive
from simulator.scenes.rng import Rng
from simulator.scenes.staging import Staging

_ROLL, _PITCH, _YAW = (math.radians(angle) for angle in (8.0, 20.0, 25.0))
_TRIES = 4  # directions to choose from
_ACROSS = 24  # rays along the frame's longer side that judge a direction
_MARGIN = 0.25  # of the longer side, around the frame: more than any margin, on which no picture may depend
_BINS = 16

Shot = list[tuple[Camera, Sequence[Primitive]]]


@dataclass(frozen=True)
class View:
    """Camera of a picture: angles in radians (to the right, down, clockwise), focal length in long sides."""

    yaw: float
    pitch: float
    roll: float
    focal: float
    is_mirrored: bool


def draw_zoom(rng: Rng) -> float:
    """Focal length over that of a kind's own camera: 0.5 to 2, equally likely in its logarithm."""
    return float(2.0 ** rng.within(1.0))


def point_camera(rng: Rng, zoom: float, backdrop: Staging, foreground: Staging) -> tuple[View, Shot, float]:
    """Aims at a part of the scene whose depths are varied, among a few directions drawn at random.

    Returns also the depth of what is nearest, in meters.

    A wide layout (zoom < 1) was made by a wide camera; a narrow one is a part of it.
    """
    layout = foreground.camera
    focal = layout.focal * max(1.0, zoom)
    level = 0.5 * (backdrop.camera.pitch + layout.pitch)
    half_x, half_y = (math.atan(tangent) for tangent in (layout.half_x, layout.half_y))
    narrow_x, narrow_y = (math.atan(tangent / max(1.0, zoom)) for tangent in (layout.half_x, layout.half_y))
    yaw, pitch = min(_YAW, half_x - 0.3 * narrow_x), min(_PITCH, half_y - 0.4 * narrow_y)
    roll = 0.5 * (rng.within(_ROLL) + rng.within(_ROLL))  # most people hold it nearly level
    best: tuple[tuple[float, float], View, Shot] | None = None
    for k in range(_TRIES + 1):
        shrink = 0.0 if k == _TRIES else 1.0  # the layout's own direction, which is always covered
        view = View(shrink * rng.within(yaw), level + shrink * rng.within(pitch), shrink * roll, focal, False)
        shot = [(_turned(part.camera, view), layer) for part, layer in _layers(backdrop, foreground)]
        score = _variety(shot)
        if score is not None and (best is None or score > best[0]) and (k < _TRIES or best is None):
            best = score, view, shot
    assert best is not None, "the layout's own view is covered"
    return replace(best[1], is_mirrored=rng.chance(0.5)), best[2], 1.0 / best[0][1]


def _layers(backdrop: Staging, foreground: Staging) -> list[tuple[Staging, Sequence[Primitive]]]:
    return [
        (part, layer)
        for part, group in ((backdrop, backdrop.backdrop), (foreground, foreground.foreground))
        for layer in group
    ]


def _turned(camera: Camera, view: View) -> Camera:
    return replace(camera, focal=view.focal, yaw=view.yaw, pitch=view.pitch, roll=view.roll)


def _variety(shot: Shot) -> tuple[float, float] | None:
    """Entropy of the visible disparities, in bits, and the greatest inverse depth.

    None unless one layer covers the frame and a margin around it.
    """
    frame = shot[0][0]
    step, margin = frame.long_side / _ACROSS, _MARGIN * frame.long_side
    x, y = (
        torch.linspace(-margin, size + margin, round((size + 2 * margin) / step))
        for size in (frame.width, frame.height)
    )
    y, x = (grid.flatten() for grid in torch.meshgrid(y, x, indexing="ij"))
    nearest, is_covered = torch.zeros_like(x), False
    for camera, layer in shot:
        depths = _nearest(camera, layer, x, y, step)
        is_covered |= bool((depths >= 0).all())
        nearest = torch.maximum(nearest, depths)
    if not is_covered:
        return None
    inside = nearest[(x > 0) & (x < frame.width) & (y > 0) & (y < frame.height)]
    low, high = float(inside.min()), float(inside.max())
    counts = torch.histc((inside - low) / max(high - low, 1e-9), _BINS, 0.0, 1.0) / inside.numel()
    return float(-(counts * counts.clamp(min=1e-9).log2()).sum()), max(high, 1e-3)


def _nearest(camera: Camera, layer: Sequence[Primitive], x: Tensor, y: Tensor, step: float) -> Tensor:
    """Inverse depth of a layer along rays through (x, y); −1 where they meet nothing."""
    nearest = torch.full_like(x, -1.0)
    for primitive in layer:
        window = replace(camera, margin_px=camera.long_side).window(primitive.solid.corners())
        near = (x >= window.left) & (x <= window.right) & (y >= window.top) & (y <= window.bottom)
        if bool(near.any()):
            hits = primitive.solid.intersect(camera.rays(x[near], y[near]), step / camera.focal_px)
            nearest[near] = torch.maximum(nearest[near], torch.where(hits.part >= 0, hits.inverse_depth, -1.0))
    return nearest
