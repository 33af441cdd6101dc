"""Gather: every pixel of a frame collects light through the aperture, ray by ray, nearest surface first.

The lens is cut into square cells; one ray goes through the middle u of each and stands for the light of its cell, so it
sees a surface of blur radius r through a footprint of w = r / n pixels (n cells to the lens's radius). Footprints of
neighbouring rays touch: together they cover the disc once, whatever the surface, and a highlight becomes an even disc
without grain or ghosts. A footprint within one pixel returns that pixel unchanged; so does a frame in focus.
Along each ray the surfaces are laid over each other in the order in which the ray meets them ("over", Porter & Duff
1984), surfaces that cross each other included. Nothing is random.

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

from simulator.gather.aperture_samples import RATIO_LAST_PX, SHARP_PX, Cells, cells_for
from simulator.gather.footprint import looked_up, seen_through
from simulator.gather.sheets import Piece, Sheet, pieces
from simulator.gather.tile import Tile
from simulator.gather.vignetting import Barrel
from simulator.layers.ldi import LayeredDepthImage
from simulator.optics.aperture import Aperture
from simulator.optics.lens import ThinLens

SAMPLES = 400  # about so many rays a pixel; more only where footprints would be wider than 3 px
_FLAT_PX, _FLAT_SHARE = 0.02, 1e-3  # error of s that moves no hit visibly; also as a share of the scene's depth
_ROUNDING_PX = 1e-4  # of s in float32
_APART_PX = 1e-3  # across a pixel: surfaces that part by less lie on each other
_LEAST_SHARE = 1e-4  # of a pixel: less is rounding


class _Hit(NamedTuple):
    """Where the rays of a piece's tile meet it: s [c, th, tw]; light times α and α [c, 4, th, tw]."""

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
    """Frames of a scene whose every surface is known: [F, 3, H, W], linear light. Rays that meet nothing are dark.

    samples: rays a pixel where blur is large; where it is small, fewer are followed.
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
    canvas = _Canvas.of(surfaces, lenses)
    frames = [canvas.exposed(lens, aperture or Aperture(), samples) for lens in lenses]
    return torch.stack(frames)


class _Canvas(NamedTuple):
    """A scene ready for rays: sheets drawn `beyond` pixels further than the frame on every side."""

    sheets: list[Sheet]
    photo: Float[Tensor, "4 h w"]
    beyond: int
    depth: float  # range of disparity

    @classmethod
    def of(cls, surfaces: LayeredDepthImage, lenses: Sequence[ThinLens]) -> _Canvas:
        seen = surfaces.disparity[surfaces.coverage > 0]
        if seen.numel() == 0:
            seen = surfaces.disparity.flatten()[:1]
        far, near = (float(v) for v in torch.aminmax(seen))
        reach = max(abs(lens.blur_scale_px * (d - lens.focus_disparity)) for lens in lenses for d in (far, near))
        beyond = math.ceil(reach) + 2
        m, h, w = surfaces.margin_px, surfaces.height, surfaces.width
        whole = Tile(m - beyond, m + h + beyond, m - beyond, m + w + beyond)
        parts = (whole.repeated_of(part) for part in (surfaces.color, surfaces.coverage, surfaces.disparity))
        sheets = [Sheet.of(layer, *part) for layer, part in enumerate(zip(*parts, strict=True))]
        bare = (1.0 - surfaces.coverage[:, m : m + h, m : m + w]).prod(dim=0)
        photo = torch.cat([surfaces.photo()[0], 1.0 - bare[None]])
        return cls([sheet for sheet in sheets if sheet is not None], photo, beyond, near - far)

    def exposed(self, lens: ThinLens, aperture: Aperture, samples: int) -> Float[Tensor, "4 h w"]:
        """One frame: light and coverage."""
        frame = torch.empty_like(self.photo)
        flat_px = max(_ROUNDING_PX, min(_FLAT_PX, _FLAT_SHARE * lens.blur_scale_px * self.depth))
        side = 64 if frame.device.type == "cpu" else 256
        for tile in _tiles(frame.shape[1], frame.shape[2], side):
            there = tile.moved(self.beyond, self.beyond)
            met = _unhidden([piece for sheet in self.sheets for piece in pieces(sheet, there, lens, flat_px)])
            reach = max((piece.reach_px for piece in met), default=0.0)
            if reach <= SHARP_PX:
                tile.of(frame).copy_(tile.of(self.photo))
            else:
                cells = cells_for(aperture, reach, samples)
                barrel = Barrel.around(tile, self.photo, aperture) if aperture.cat_eye else None
                tile.of(frame).copy_(_gathered(met, there, cells, frame.device, barrel))
        return frame


def _tiles(height: int, width: int, side: int) -> Iterator[Tile]:
    for top in range(0, height, side):
        for left in range(0, width, side):
            yield Tile(top, min(top + side, height), left, min(left + side, width))


def _unhidden(met: list[Piece]) -> list[Piece]:
    """Nearest first, without what lies behind a piece that is in the way of every ray."""
    near_first = sorted(met, key=lambda piece: (-piece.near, piece.layer))
    behind = max((piece.far for piece in met if piece.opaque), default=-math.inf)
    return [piece for piece in near_first if piece.near >= behind]


def _gathered(
    met: Sequence[Piece], tile: Tile, cells: Cells, device: torch.device, barrel: Barrel | None
) -> Float[Tensor, "4 th tw"]:
    """Light and coverage of a tile: the mean over the cells of what their rays see."""
    total = torch.zeros(4, tile.height, tile.width, device=device)
    through = torch.zeros(tile.height, tile.width, device=device)  # share of the lens's light that passes the barrel
    together = max(1, (1 << (18 if device.type == "cpu" else 23)) // (tile.height * tile.width))
    for first in range(0, cells.share.numel(), together):
        some = slice(first, first + together)
        hits = [_meet(piece, cells.middle[some].to(device), cells) for piece in met]
        passed = barrel.passed(cells.middle[some].to(device), cells.per_radius) if barrel else None
        if passed is not None:
            through.add_((passed * cells.share[some].to(device)[:, None, None]).sum(dim=0))
        _share_pixels(hits, tile)
        for hit, free in zip(hits, _free(hits), strict=True):
            here = hit.piece.tile.moved(-tile.top, -tile.left)
            share = free * cells.shares(some, hit.defocus)  # [c, th, tw]
            if passed is not None:
                share = share * here.of(passed)
            light = hit.content * share[:, None]  # [c, 4, th, tw]
            here.of(total).add_(light.sum(dim=0))
    return total if barrel is None else total / through.clamp(min=_LEAST_SHARE)


def _meet(piece: Piece, u: Float[Tensor, "c 2"], cells: Cells) -> _Hit:
    """Solve x = p + s(x) u for all rays of a tile and look the surface up there."""
    uy, ux = u[:, 0, None, None], u[:, 1, None, None]
    pixel = piece.tile.moved(-piece.window.top, -piece.window.left)
    py = torch.arange(pixel.top, pixel.bottom, device=u.device, dtype=u.dtype)[:, None]
    px = torch.arange(pixel.left, pixel.right, device=u.device, dtype=u.dtype)
    onto = (1.0 - piece.slope[0] * uy - piece.slope[1] * ux).clamp(min=0.05).reciprocal()  # [c, 1, 1]
    s = (piece.base * onto).clamp_(piece.far, piece.near)  # [c, th, tw]
    for _ in range(piece.steps):
        assert piece.rest is not None
        rest = looked_up(piece.rest[None], torch.addcmul(py, s, uy), torch.addcmul(px, s, ux))[:, 0]
        s = rest.add_(piece.base).mul_(onto).clamp_(piece.far, piece.near)
    drawn = s * cells.ratio(s) if piece.least_px < RATIO_LAST_PX else s
    y, x = torch.addcmul(py, drawn, uy), torch.addcmul(px, drawn, ux)
    width_px = drawn.abs().mul_(1.0 / cells.per_radius).clamp_(min=1e-6)
    return _Hit(
        piece, s, seen_through(piece.content, y, x, width_px, parts=math.ceil(piece.reach_px / cells.per_radius - 0.02))
    )


def _share_pixels(hits: Sequence[_Hit], tile: Tile) -> None:
    """Pieces of one layer stand beside each other in a pixel: each takes min(α, 1 − U), U what nearer ones took.

    As a share of what they left, α becomes min(1, α / (1 − U)): laid "over", the pieces then add up.
    """
    for layer in {hit.piece.layer for hit in hits}:
        own = [hit for hit in hits if hit.piece.layer == layer]
        if len(own) > 1:
            left = torch.ones(own[0].defocus.shape[0], tile.height, tile.width, device=own[0].defocus.device)
            for hit in own:
                here = hit.piece.tile.moved(-tile.top, -tile.left).of(left)
                alpha = hit.content[:, 3].clone()
                hit.content.div_(torch.maximum(alpha, here).clamp_(min=_LEAST_SHARE)[:, None])
                here.sub_(alpha).clamp_(min=0.0)


def _free(hits: Sequence[_Hit]) -> list[Tensor]:
    """Share of each ray that reaches a hit: Π (1 − α) over all nearer ones, [c, th, tw] each."""
    free = [torch.ones_like(hit.defocus) for hit in hits]
    for j, behind in enumerate(hits):
        for i, before in enumerate(hits[:j]):
            shared = before.piece.tile.common(behind.piece.tile)
            if shared is None:
                continue
            a, b = (shared.moved(-hit.piece.tile.top, -hit.piece.tile.left) for hit in (before, behind))
            front, back = a.of(before.content[:, 3]), b.of(behind.content[:, 3])
            if behind.piece.near <= before.piece.far or behind.piece.layer == before.piece.layer:
                b.of(free[j]).mul_(1.0 - front)
            else:  # they may cross: ray by ray
                first = torch.minimum(front, _nearer_share(a.of(before.defocus) - b.of(behind.defocus)))
                b.of(free[j]).mul_(1.0 - first)
                a.of(free[i]).mul_(1.0 - back * (1.0 - first / front.clamp(min=_LEAST_SHARE)))
    return free


def _nearer_share(ahead: Float[Tensor, "c th tw"]) -> Float[Tensor, "c th tw"]:
    """Share of each pixel where one surface is nearer than another: it is `ahead` by so much at the middle.

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
