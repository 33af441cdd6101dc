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
from simulator.gather.footprint import footprint_mean, interpolated
from simulator.gather.sheets import Piece, Sheet, pieces
from simulator.gather.tile import Tile
from simulator.gather.vignetting import Barrel
from simulator.layers.ldi import LayeredDepthImage
from simulator.optics.aperture import Aperture
from simulator.optics.lens import ThinLens

SAMPLES = 400  # rays per pixel, about; more only where footprints would be wider than 3 px
_FLAT_PX, _FLAT_SHARE = 0.02, 1e-3  # error of s without visible effect; also as a share of the scene's depth
_ROUNDING_PX = 1e-4  # of s in float32
_APART_PX = 1e-3  # difference of s across a pixel below which two surfaces count as coincident
_LEAST_SHARE = 1e-4  # of a pixel: a smaller share is rounding error


class _Hit(NamedTuple):
    """The points of a piece that the rays of its tile meet: s [c, th, tw]; light times α, and α, [c, 4, th, tw]."""

    piece: Piece
    defocus: Tensor
    content: Tensor


def gather_with_coverage(
    surfaces: LayeredDepthImage,
    lenses: Sequence[ThinLens],
    *,
    aperture: Aperture | None = None,
    samples: int = SAMPLES,
) -> Float[Tensor, "f 4 h w"]:
    """Frames [F, 4, H, W] of a scene whose every surface is known: linear light, and the share of the lens that meets
    any surface. A ray that meets none is dark.

    samples: rays per pixel where blur is large; where it is small, fewer are traced.
    Raises ValueError for an empty lens list or fewer than one sample.
    """
    if len(lenses) == 0:
        raise ValueError("lenses must hold at least one ThinLens, got an empty sequence")
    if samples < 1:
        raise ValueError(f"samples must be >= 1, got {samples}")
    canvas = _Canvas.from_surfaces(surfaces, lenses)
    return torch.stack([canvas.frame(lens, aperture or Aperture(), samples) for lens in lenses])


class _Canvas(NamedTuple):
    """A scene prepared for rays: its sheets extend the frame by `padding_px` pixels on every side."""

    sheets: list[Sheet]
    photo: Float[Tensor, "4 h w"]
    padding_px: int
    depth: float  # range of disparity

    @classmethod
    def from_surfaces(cls, surfaces: LayeredDepthImage, lenses: Sequence[ThinLens]) -> _Canvas:
        covered = surfaces.disparity[surfaces.coverage > 0]
        if covered.numel() == 0:
            covered = surfaces.disparity.flatten()[:1]
        far, near = (float(v) for v in torch.aminmax(covered))
        reach = max(abs(lens.blur_scale_px * (d - lens.focus_disparity)) for lens in lenses for d in (far, near))
        padding_px = math.ceil(reach) + 2
        m, h, w = surfaces.margin_px, surfaces.height, surfaces.width
        canvas = Tile(m - padding_px, m + h + padding_px, m - padding_px, m + w + padding_px)
        cropped = map(canvas.crop_replicated, (surfaces.color, surfaces.coverage, surfaces.disparity))
        sheets = [Sheet.from_layer(layer, *planes) for layer, planes in enumerate(zip(*cropped, strict=True))]
        free = (1.0 - surfaces.coverage[:, m : m + h, m : m + w]).prod(dim=0)
        photo = torch.cat([surfaces.photo()[0], 1.0 - free[None]])
        return cls([sheet for sheet in sheets if sheet is not None], photo, padding_px, near - far)

    def frame(self, lens: ThinLens, aperture: Aperture, samples: int) -> Float[Tensor, "4 h w"]:
        """One frame: light and coverage, [4, H, W]."""
        frame = torch.empty_like(self.photo)
        flat_px = max(_ROUNDING_PX, min(_FLAT_PX, _FLAT_SHARE * lens.blur_scale_px * self.depth))
        side = 64 if frame.device.type == "cpu" else 256
        for tile in _tiles(frame.shape[1], frame.shape[2], side):
            on_canvas = tile.shifted(self.padding_px, self.padding_px)
            met = [piece for sheet in self.sheets for piece in pieces(sheet, on_canvas, lens, flat_px)]
            candidates = _unoccluded(met)
            reach = max((piece.reach_px for piece in candidates), default=0.0)
            if reach <= SHARP_PX:
                tile.crop(frame).copy_(tile.crop(self.photo))
            else:
                lens_samples = aperture_samples(aperture, reach, samples)
                barrel = Barrel.for_tile(tile, self.photo, aperture) if aperture.varies else None
                tile.crop(frame).copy_(_gathered(candidates, on_canvas, lens_samples, frame.device, barrel))
        return frame


def _tiles(height: int, width: int, side: int) -> Iterator[Tile]:
    for top in range(0, height, side):
        for left in range(0, width, side):
            yield Tile(top, min(top + side, height), left, min(left + side, width))


def _unoccluded(candidates: list[Piece]) -> list[Piece]:
    """The pieces nearest first, without those behind a piece that stops every ray."""
    near_first = sorted(candidates, key=lambda piece: (-piece.near, piece.layer))
    behind = max((piece.far for piece in candidates if piece.opaque), default=-math.inf)
    return [piece for piece in near_first if piece.near >= behind]


def _gathered(
    candidates: Sequence[Piece], tile: Tile, samples: ApertureSamples, device: torch.device, barrel: Barrel | None
) -> Float[Tensor, "4 th tw"]:
    """Light and coverage of a tile: the weighted mean over all rays."""
    total = torch.zeros(4, tile.height, tile.width, device=device)
    unvignetted = torch.zeros(tile.height, tile.width, device=device)  # share of the light that passes the barrel
    batch_size = max(1, (1 << (18 if device.type == "cpu" else 23)) // (tile.height * tile.width))
    for first in range(0, samples.weight.numel(), batch_size):
        batch = slice(first, first + batch_size)
        u = samples.position[batch].to(device)
        hits = [_meet(piece, u, samples) for piece in candidates]
        transmitted = barrel.transmitted(u, samples.cells_per_radius) if barrel else None
        if transmitted is not None:
            unvignetted.add_((transmitted * samples.weight[batch].to(device)[:, None, None]).sum(dim=0))
        _share_pixels(hits, tile)
        for hit, free in zip(hits, _free(hits), strict=True):
            within = hit.piece.tile.shifted(-tile.top, -tile.left)
            share = free * samples.weights_at(batch, hit.defocus)  # [c, th, tw]
            if transmitted is not None:
                share = share * within.crop(transmitted)
            light = hit.content * share[:, None]  # [c, 4, th, tw]
            within.crop(total).add_(light.sum(dim=0))
    return total if barrel is None else total / unvignetted.clamp(min=_LEAST_SHARE)


def _meet(piece: Piece, u: Float[Tensor, "c 2"], samples: ApertureSamples) -> _Hit:
    """Where all rays of a tile meet a piece: the solution of x = p + s(x) u, and the surface there."""
    uy, ux = u[:, 0, None, None], u[:, 1, None, None]
    pixel = piece.tile.shifted(-piece.window.top, -piece.window.left)
    py = torch.arange(pixel.top, pixel.bottom, device=u.device, dtype=u.dtype)[:, None]
    px = torch.arange(pixel.left, pixel.right, device=u.device, dtype=u.dtype)
    onto = (1.0 - piece.slope[0] * uy - piece.slope[1] * ux).clamp(min=0.05).reciprocal()  # [c, 1, 1]
    s = (piece.base * onto).clamp_(piece.far, piece.near)  # [c, th, tw]
    for _ in range(piece.steps):
        assert piece.residual is not None
        residual = interpolated(piece.residual[None], torch.addcmul(py, s, uy), torch.addcmul(px, s, ux))[:, 0]
        s = residual.add_(piece.base).mul_(onto).clamp_(piece.far, piece.near)
    rendered = s * samples.rendered_ratio(s) if piece.least_px < RATIO_LAST_PX else s
    y, x = torch.addcmul(py, rendered, uy), torch.addcmul(px, rendered, ux)
    width_px = rendered.abs().mul_(1.0 / samples.cells_per_radius).clamp_(min=1e-6)
    parts = math.ceil(piece.reach_px / samples.cells_per_radius - 0.02)
    return _Hit(piece, s, footprint_mean(piece.content, y, x, width_px, parts))


def _share_pixels(hits: Sequence[_Hit], tile: Tile) -> None:
    """Divide each pixel among the pieces of one layer, in place: each takes min(α, 1 − U), U the sum of nearer ones.

    As a share of the remaining 1 − U, α becomes min(1, α / (1 − U)): composited by "over", the pieces then add up.
    """
    for layer in {hit.piece.layer for hit in hits}:
        layer_hits = [hit for hit in hits if hit.piece.layer == layer]
        if len(layer_hits) > 1:
            defocus = layer_hits[0].defocus
            free = torch.ones(defocus.shape[0], tile.height, tile.width, device=defocus.device)
            for hit in layer_hits:
                unclaimed = hit.piece.tile.shifted(-tile.top, -tile.left).crop(free)
                alpha = hit.content[:, 3].clone()
                hit.content.div_(torch.maximum(alpha, unclaimed).clamp_(min=_LEAST_SHARE)[:, None])
                unclaimed.sub_(alpha).clamp_(min=0.0)


def _free(hits: Sequence[_Hit]) -> list[Tensor]:
    """For each hit, the share of each ray that reaches it, [c, th, tw]: Π (1 − α) over all nearer hits."""
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
            else:  # the pieces may cross: compared ray by ray
                first = torch.minimum(front, _nearer_share(a.crop(before.defocus) - b.crop(behind.defocus)))
                b.crop(free[j]).mul_(1.0 - first)
                a.crop(free[i]).mul_(1.0 - back * (1.0 - first / front.clamp(min=_LEAST_SHARE)))
    return free


def _nearer_share(ahead: Float[Tensor, "c th tw"]) -> Float[Tensor, "c th tw"]:
    """Share of each pixel where one surface is nearer than another.

    ahead: d, the difference of their s at the center of the pixel, positive where the first surface is nearer.

    Two surfaces cross along a line that cuts the pixel: the share is clamp(½ + d / w, 0, 1), with w the change of d
    across the pixel. Of coincident surfaces, which do not cross, the first is nearer.
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
