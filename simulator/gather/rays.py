"""Gather: every pixel of a frame collects light through the aperture, ray by ray, nearest surface first.

The lens is cut into square cells; one ray goes through the center u of each and carries the light of its cell, so it
averages a surface of blur radius r over a footprint of w = r / n pixels (n cells to the lens's radius). Footprints of
neighboring rays touch: together they cover the disc exactly once on any surface, so that a highlight becomes an even
disc without grain or ghosts. A footprint within one pixel returns that pixel unchanged; so does a frame in focus.
Along each ray the surfaces are composited in the order in which the ray meets them ("over", Porter & Duff 1984), also
where surfaces cross each other. Nothing is random.

Letters: p pixel; u point of the lens, |u| <= 1; s = K (D − D_f) signed blur radius, r = |s|; x = p + s u where the ray
meets the surface; w width of a footprint; α coverage seen by a ray; n cells to a radius. How a ray finds x: sheets.py.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from simulator.gather.aperture_samples import RATIO_LAST_PX, SHARP_PX, ApertureSamples, aperture_samples
from simulator.gather.footprint import looked_up, seen_through
from simulator.gather.sheets import Piece, Sheet, pieces
from simulator.gather.tile import Tile
from simulator.gather.vignetting import Barrel
from simulator.layers.ldi import LayeredDepthImage
from simulator.optics.aperture import Aperture
from simulator.optics.lens import ThinLens

SAMPLES = 400  # rays per pixel, about; more only where footprints would be wider than 3 px
_FLAT_PX, _FLAT_SHARE = 0.02, 1e-3  # error of s that moves no hit visibly; also as a share of the scene's depth
_ROUNDING_PX = 1e-4  # of s in float32
_APART_PX = 1e-3  # difference of s across a pixel below which two surfaces count as coincident
_LEAST_SHARE = 1e-4  # share of a pixel below which it is rounding error


class _Hit(NamedTuple):
    """The points of a piece that the rays of its tile meet: s [c, th, tw]; light times α, and α, [c, 4, th, tw]."""

    piece: Piece
    defocus: Tensor
    content: Tensor


def gather(
    surfaces: LayeredDepthImage,
    lenses: Sequence[ThinLens],
    *,
    aperture: Aperture | None = None,
    samples: int = SAMPLES,
) -> Float[Tensor, "f 3 h w"]:
    """Frames of a scene whose every surface is known: [F, 3, H, W], linear light. A ray that meets no surface is dark.

    samples: rays per pixel where blur is large; where it is small, fewer are traced.
    Raises ValueError for an empty lens list or fewer than one sample.
    """
    return gather_with_coverage(surfaces, lenses, aperture=aperture, samples=samples)[:, :3]


def gather_with_coverage(
    surfaces: LayeredDepthImage,
    lenses: Sequence[ThinLens],
    *,
    aperture: Aperture | None = None,
    samples: int = SAMPLES,
) -> Float[Tensor, "f 4 h w"]:
    """As `gather`; the fourth channel is the share of the lens that meets any surface, in [0, 1]."""
    if len(lenses) == 0:
        raise ValueError("lenses must hold at least one ThinLens, got an empty sequence")
    if samples < 1:
        raise ValueError(f"samples must be >= 1, got {samples}")
    canvas = _Canvas.from_surfaces(surfaces, lenses)
    frames = [canvas.frame(lens, aperture or Aperture(), samples) for lens in lenses]
    return torch.stack(frames)


class _Canvas(NamedTuple):
    """A scene ready for rays: sheets that reach `beyond` pixels further than the frame on every side."""

    sheets: list[Sheet]
    photo: Float[Tensor, "4 h w"]
    beyond: int
    depth: float  # range of disparity

    @classmethod
    def from_surfaces(cls, surfaces: LayeredDepthImage, lenses: Sequence[ThinLens]) -> _Canvas:
        seen = surfaces.disparity[surfaces.coverage > 0]
        if seen.numel() == 0:
            seen = surfaces.disparity.flatten()[:1]
        far, near = (float(v) for v in torch.aminmax(seen))
        reach = max(abs(lens.blur_scale_px * (d - lens.focus_disparity)) for lens in lenses for d in (far, near))
        beyond = math.ceil(reach) + 2
        m, h, w = surfaces.margin_px, surfaces.height, surfaces.width
        canvas = Tile(m - beyond, m + h + beyond, m - beyond, m + w + beyond)
        parts = (canvas.crop_replicated(part) for part in (surfaces.color, surfaces.coverage, surfaces.disparity))
        sheets = [Sheet.from_layer(layer, *part) for layer, part in enumerate(zip(*parts, strict=True))]
        bare = (1.0 - surfaces.coverage[:, m : m + h, m : m + w]).prod(dim=0)
        photo = torch.cat([surfaces.photo()[0], 1.0 - bare[None]])
        return cls([sheet for sheet in sheets if sheet is not None], photo, beyond, near - far)

    def frame(self, lens: ThinLens, aperture: Aperture, samples: int) -> Float[Tensor, "4 h w"]:
        """One frame: light and coverage."""
        frame = torch.empty_like(self.photo)
        flat_px = max(_ROUNDING_PX, min(_FLAT_PX, _FLAT_SHARE * lens.blur_scale_px * self.depth))
        side = 64 if frame.device.type == "cpu" else 256
        for tile in _tiles(frame.shape[1], frame.shape[2], side):
            on_canvas = tile.shifted(self.beyond, self.beyond)
            found = [piece for sheet in self.sheets for piece in pieces(sheet, on_canvas, lens, flat_px)]
            candidates = _unoccluded(found)
            reach = max((piece.reach_px for piece in candidates), default=0.0)
            if reach <= SHARP_PX:
                tile.crop(frame).copy_(tile.crop(self.photo))
            else:
                lens_samples = aperture_samples(aperture, reach, samples)
                barrel = Barrel.for_tile(tile, self.photo, aperture) if aperture.cat_eye else None
                tile.crop(frame).copy_(_gathered(candidates, on_canvas, lens_samples, frame.device, barrel))
        return frame


def _tiles(height: int, width: int, side: int) -> Iterator[Tile]:
    for top in range(0, height, side):
        for left in range(0, width, side):
            yield Tile(top, min(top + side, height), left, min(left + side, width))


def _unoccluded(candidates: list[Piece]) -> list[Piece]:
    """Nearest first, without pieces behind one that stops every ray."""
    near_first = sorted(candidates, key=lambda piece: (-piece.near, piece.layer))
    behind = max((piece.far for piece in candidates if piece.opaque), default=-math.inf)
    return [piece for piece in near_first if piece.near >= behind]


def _gathered(
    candidates: Sequence[Piece], tile: Tile, samples: ApertureSamples, device: torch.device, barrel: Barrel | None
) -> Float[Tensor, "4 th tw"]:
    """Light and coverage of a tile: the weighted mean over all rays."""
    total = torch.zeros(4, tile.height, tile.width, device=device)
    unvignetted = torch.zeros(tile.height, tile.width, device=device)  # share of the light that passes the barrel
    batch = max(1, (1 << (18 if device.type == "cpu" else 23)) // (tile.height * tile.width))
    for first in range(0, samples.weight.numel(), batch):
        chosen = slice(first, first + batch)
        hits = [_meet(piece, samples.position[chosen].to(device), samples) for piece in candidates]
        passed = barrel.passed(samples.position[chosen].to(device), samples.cells_per_radius) if barrel else None
        if passed is not None:
            unvignetted.add_((passed * samples.weight[chosen].to(device)[:, None, None]).sum(dim=0))
        _share_pixels(hits, tile)
        for hit, free in zip(hits, _free(hits), strict=True):
            within = hit.piece.tile.shifted(-tile.top, -tile.left)
            share = free * samples.weights_at(chosen, hit.defocus)  # [c, th, tw]
            if passed is not None:
                share = share * within.crop(passed)
            light = hit.content * share[:, None]  # [c, 4, th, tw]
            within.crop(total).add_(light.sum(dim=0))
    return total if barrel is None else total / unvignetted.clamp(min=_LEAST_SHARE)


def _meet(piece: Piece, u: Float[Tensor, "c 2"], samples: ApertureSamples) -> _Hit:
    """Solve x = p + s(x) u for all rays of a tile and look the surface up there."""
    uy, ux = u[:, 0, None, None], u[:, 1, None, None]
    pixel = piece.tile.shifted(-piece.window.top, -piece.window.left)
    py = torch.arange(pixel.top, pixel.bottom, device=u.device, dtype=u.dtype)[:, None]
    px = torch.arange(pixel.left, pixel.right, device=u.device, dtype=u.dtype)
    onto = (1.0 - piece.slope[0] * uy - piece.slope[1] * ux).clamp(min=0.05).reciprocal()  # [c, 1, 1]
    s = (piece.base * onto).clamp_(piece.far, piece.near)  # [c, th, tw]
    for _ in range(piece.steps):
        assert piece.rest is not None
        rest = looked_up(piece.rest[None], torch.addcmul(py, s, uy), torch.addcmul(px, s, ux))[:, 0]
        s = rest.add_(piece.base).mul_(onto).clamp_(piece.far, piece.near)
    rendered = s * samples.rendered_ratio(s) if piece.least_px < RATIO_LAST_PX else s
    y, x = torch.addcmul(py, rendered, uy), torch.addcmul(px, rendered, ux)
    width_px = rendered.abs().mul_(1.0 / samples.cells_per_radius).clamp_(min=1e-6)
    parts = math.ceil(piece.reach_px / samples.cells_per_radius - 0.02)
    return _Hit(piece, s, seen_through(piece.content, y, x, width_px, parts))


def _share_pixels(hits: Sequence[_Hit], tile: Tile) -> None:
    """Pieces of one layer divide a pixel among them: each takes min(α, 1 − U), U the sum of nearer ones.

    Relative to the rest, α becomes min(1, α / (1 − U)): composited by "over", the pieces then add up.
    """
    for layer in {hit.piece.layer for hit in hits}:
        of_layer = [hit for hit in hits if hit.piece.layer == layer]
        if len(of_layer) > 1:
            defocus = of_layer[0].defocus
            free = torch.ones(defocus.shape[0], tile.height, tile.width, device=defocus.device)
            for hit in of_layer:
                rest = hit.piece.tile.shifted(-tile.top, -tile.left).crop(free)
                alpha = hit.content[:, 3].clone()
                hit.content.div_(torch.maximum(alpha, rest).clamp_(min=_LEAST_SHARE)[:, None])
                rest.sub_(alpha).clamp_(min=0.0)


def _free(hits: Sequence[_Hit]) -> list[Tensor]:
    """Share of each ray that reaches a hit, [c, th, tw] for each: Π (1 − α) over all nearer hits."""
    free = [torch.ones_like(hit.defocus) for hit in hits]
    for j, behind in enumerate(hits):
        for i, before in enumerate(hits[:j]):
            shared = before.piece.tile.intersection(behind.piece.tile)
            if shared is None:
                continue
            a, b = (shared.shifted(-hit.piece.tile.top, -hit.piece.tile.left) for hit in (before, behind))
            front, back = a.crop(before.content[:, 3]), b.crop(behind.content[:, 3])
            if behind.piece.near <= before.piece.far or behind.piece.layer == before.piece.layer:
                b.crop(free[j]).mul_(1.0 - front)
            else:  # they may cross: ray by ray
                first = torch.minimum(front, _nearer_share(a.crop(before.defocus) - b.crop(behind.defocus)))
                b.crop(free[j]).mul_(1.0 - first)
                a.crop(free[i]).mul_(1.0 - back * (1.0 - first / front.clamp(min=_LEAST_SHARE)))
    return free


def _nearer_share(ahead: Float[Tensor, "c th tw"]) -> Float[Tensor, "c th tw"]:
    """Share of each pixel where one surface is nearer than another: its s exceeds the other by `ahead` at the center.

    Two surfaces cross along a line, on one side of which the pixel's part lies: clamp(½ + d / w, 0, 1), w the change
    of d across the pixel. Surfaces that lie on each other do not cross: the first one is nearer.
    """
    change = torch.zeros_like(ahead)
    for dim in (1, 2):
        n = ahead.shape[dim]
        if n > 1:
            step = ahead.diff(dim=dim).abs_()
            change.narrow(dim, 0, 1).add_(step.narrow(dim, 0, 1))
            change.narrow(dim, n - 1, 1).add_(step.narrow(dim, n - 2, 1))
            change.narrow(dim, 1, n - 2).add_(torch.minimum(step.narrow(dim, 0, n - 2), step.narrow(dim, 1, n - 2)))
    crossing = (ahead / change.clamp(min=_APART_PX) + 0.5).clamp_(0.0, 1.0)
    return torch.where(change > _APART_PX, crossing, (ahead >= 0).to(ahead.dtype))
