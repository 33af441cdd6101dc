"""Where the camera looks and how: one way for all kinds, so that a picture's place says little about its depth."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from simulator.scenes.camera import Camera, Rays, Vector
from simulator.scenes.raster import Primitive
from simulator.scenes.rng import Rng
from simulator.scenes.solids import unit
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

    Returns the view, every layer with its camera, and the depth of what is nearest, in meters. A wide layout
    (zoom < 1) was made by a wide camera; a narrow picture is a part of its layout.
    """
    layout = foreground.camera
    focal = layout.focal * max(1.0, zoom)
    level = 0.5 * (backdrop.camera.pitch + layout.pitch)
    half_x, half_y = (math.atan(tangent) for tangent in (layout.half_x, layout.half_y))
    narrow_x, narrow_y = (math.atan(tangent / max(1.0, zoom)) for tangent in (layout.half_x, layout.half_y))
    yaw, pitch = min(_YAW, half_x - 0.3 * narrow_x), min(_PITCH, half_y - 0.4 * narrow_y)
    roll = 0.5 * (rng.within(_ROLL) + rng.within(_ROLL))  # most people hold it nearly level
    views = [
        View(shrink * rng.within(yaw), level + shrink * rng.within(pitch), shrink * roll, focal, False)
        for shrink in [1.0] * _TRIES + [0.0]  # the last, for want of others, is the layout's own direction
    ]
    layers = _layers(backdrop, foreground)
    varied = _varieties(layers, views[:_TRIES]) or _varieties(layers, views[_TRIES:])
    (_, nearest), view = max(varied, key=lambda judged: judged[0])
    shot = [(_turned(part.camera, view), layer) for part, layer in layers]
    return replace(view, is_mirrored=rng.chance(0.5)), shot, 1.0 / nearest


def _layers(backdrop: Staging, foreground: Staging) -> list[tuple[Staging, Sequence[Primitive]]]:
    return [
        (part, layer)
        for part, group in ((backdrop, backdrop.backdrop), (foreground, foreground.foreground))
        for layer in group
    ]


def _turned(camera: Camera, view: View) -> Camera:
    return replace(camera, focal=view.focal, yaw=view.yaw, pitch=view.pitch, roll=view.roll)


def _varieties(
    layers: Sequence[tuple[Staging, Sequence[Primitive]]], views: Sequence[View]
) -> list[tuple[tuple[float, float], View]]:
    """Entropy of the visible disparities, in bits, and the greatest inverse depth, of each view.

    Only of views in which one layer covers the frame and a margin around it.
    """
    cameras = [_turned(layers[0][0].camera, view) for view in views]
    frame = cameras[0]
    step, margin = frame.long_side / _ACROSS, _MARGIN * frame.long_side
    x, y = (
        torch.linspace(-margin, size + margin, round((size + 2 * margin) / step))
        for size in (frame.width, frame.height)
    )
    y, x = (grid.flatten() for grid in torch.meshgrid(y, x, indexing="ij"))
    directions = torch.cat([camera.rays(x, y).direction for camera in cameras], dim=1)  # the same from every eye
    nearest, is_covered = torch.zeros(len(views), x.shape[0]), torch.zeros(len(views), dtype=torch.bool)
    for part, layer in layers:
        depths = _nearest(Rays(part.camera.origin, directions), layer, step / frame.focal_px).view_as(nearest)
        is_covered |= (depths >= 0).all(1)
        nearest = torch.maximum(nearest, depths)
    inside = nearest[:, (x > 0) & (x < frame.width) & (y > 0) & (y < frame.height)]
    return [(_variety(inside[k]), view) for k, view in enumerate(views) if bool(is_covered[k])]


def _variety(values: Tensor) -> tuple[float, float]:
    """Entropy, in bits, of values [n] in equal bins between the least and the greatest, and the greatest."""
    low, high = float(values.min()), float(values.max())
    counts = torch.histc((values - low) / max(high - low, 1e-9), _BINS, 0.0, 1.0) / values.numel()
    return float(-(counts * counts.clamp(min=1e-9).log2()).sum()), max(high, 1e-3)


def _nearest(rays: Rays, layer: Sequence[Primitive], step: float) -> Tensor:
    """Inverse depth of a layer along rays [n], `step` radians apart; −1 where they meet nothing."""
    nearest = torch.full((rays.direction.shape[1],), -1.0)
    if not layer:
        return nearest
    axes, cosines = zip(*(_bounding_cone(rays.origin, primitive.solid.corners()) for primitive in layer), strict=True)
    # [primitives, n]: rays within the cones, which are a little wider than what they hold
    reached = torch.tensor(axes) @ unit(rays.direction) >= torch.tensor(cosines)[:, None]
    for primitive, near in zip(layer, reached.nonzero()[:, 1].split(reached.sum(1).tolist()), strict=True):
        if near.numel():
            hits = primitive.solid.intersect(Rays(rays.origin, rays.direction.index_select(1, near)), step)
            depths = torch.where(hits.part >= 0, hits.inverse_depth, -1.0)
            nearest.index_copy_(0, near, torch.maximum(nearest.index_select(0, near), depths))
    return nearest


def _bounding_cone(eye: Vector, corners: Sequence[Vector]) -> tuple[Vector, float]:
    """Unit axis, and cosine of the half angle, of a cone from `eye` that holds a sphere around the corners."""
    if not corners:
        return (0.0, 0.0, 1.0), -2.0
    center = [sum(values) / len(corners) for values in zip(*corners, strict=True)]
    radius = max(math.dist(corner, center) for corner in corners)
    distance = math.dist(center, eye)
    if distance <= radius:
        return (0.0, 0.0, 1.0), -2.0
    x, y, z = ((c - e) / distance for c, e in zip(center, eye, strict=True))
    return (x, y, z), math.sqrt(1.0 - (radius / distance) ** 2) - 1e-5  # rounding of cosines near 1
