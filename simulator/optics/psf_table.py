"""A lens as a table of its point-spread functions (PSFs), from a lens simulator or a measurement.

An entry is the light of one point: at a signed blur radius s (positive in front of the plane in focus), at a field
position ρ, 0 in the middle of the frame and 1 in its corner, for one color. Points lie to the right of the middle; a
point at another azimuth φ (from right towards down) has the same PSF, turned by φ. Each PSF is scaled to unit sum.

Between the table's radii, field positions and pixels:
- a PSF is drawn at radius s by scaling its picture by s / s_i;
- between two radii of one side of the focus, and between two field positions, the scaled pictures are mixed linearly;
- beyond the first or the last entry, that entry holds; a table of one side is turned by half a turn for the other.
So second moments, and with them the labeled radii, are those of the table at its entries and linear mixtures between.

Letters: s signed radius; m second moment of a PSF about its point over s²; E reach, how far light lies from its point,
in labeled radii. The renderer works in radii of the circle around all light, E s.
"""

from __future__ import annotations

import hashlib
import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from itertools import pairwise

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from simulator.optics.pupil import CELLS
from simulator.optics.spot import Spot

LEAST_RADIUS_PX, MOST_REACH = 1.0, 4.0
_DARK = 1e-4  # of a PSF's brightest cell: less is left out


@dataclass(frozen=True, eq=False)
class PsfTable:
    """PSFs of one lens; see the module for how they are read. Equal hashes make equal tables.

    radius_px: [R] s of the entries, strictly increasing, |s| >= 1; of one or both signs.
    position:  [F] ρ of the entries, strictly increasing, in [0, 1].
    psf:       [R, F, C, n, n] light in cells, n odd, the point in the middle cell, row 0 above; C = 1, or 3 for red,
               green, blue.
    cell_px:   side of a cell in the unit of radius_px.
    name:      of the lens.
    sha256:    of the file; if empty, of these numbers.
    place:     (down, right) from the middle, in half diagonals: the only place that is read. None: any.
    channel:   the only color that is read. None: any.

    Raises ValueError that names the array, what must hold, and what came.
    """

    radius_px: Tensor
    position: Tensor
    psf: Tensor
    cell_px: float = 1.0
    name: str = "psf"
    sha256: str = ""
    place: tuple[float, float] | None = None
    channel: int | None = None
    _radii: tuple[float, ...] = field(init=False)

    def __post_init__(self) -> None:
        radius, position, psf = (t.detach().double().cpu() for t in (self.radius_px, self.position, self.psf))
        if self.place is None and self.channel is None:  # else checked and scaled before
            _check(radius, position, psf, self.cell_px)
            content = b"".join(t.contiguous().numpy().tobytes() for t in (radius, position, psf))
            sha256 = self.sha256 or hashlib.sha256(content + f"{list(psf.shape)} {self.cell_px}".encode()).hexdigest()
            psf = psf.where(psf >= _DARK * psf.amax((-2, -1), keepdim=True), 0.0)
            psf = psf / psf.sum((-2, -1), keepdim=True)
            object.__setattr__(self, "sha256", sha256)
        for name, value in (("radius_px", radius), ("position", position), ("psf", psf)):
            object.__setattr__(self, name, value)
        object.__setattr__(self, "_radii", tuple(radius.tolist()))
        if self.place is None and self.channel is None:
            self._check_extent()

    def _key(self) -> tuple[object, ...]:
        return self.sha256, self.place, self.channel

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PsfTable) and other._key() == self._key()

    def __hash__(self) -> int:
        return hash(self._key())

    @property
    def is_colored(self) -> bool:
        """Whether red, green and blue have PSFs of their own, of which none is chosen yet."""
        return self.channel is None and self.psf.shape[2] == 3

    @property
    def varies(self) -> bool:
        """Whether the PSF depends on the place in the frame, and none is chosen yet."""
        return self.place is None and self._radii != () and (len(self.position) > 1 or float(self.position[0]) > 0)

    def at(self, down: float, right: float) -> PsfTable:
        """The table as one place of the frame sees it; (down, right) from the middle, in half diagonals."""
        return replace(self, place=(down, right))

    def of_channel(self, channel: int) -> PsfTable:
        """The table of one color: red 0, green 1, blue 2."""
        return replace(self, channel=channel) if self.is_colored else self

    @cached_property
    def _middle(self) -> Float[Tensor, "n n"]:
        """Squared distance of each cell from the point, px²."""
        center = (torch.arange(self.psf.shape[-1], dtype=torch.float64) - self.psf.shape[-1] // 2) * self.cell_px
        return center[:, None] ** 2 + center**2

    @cached_property
    def _moments(self) -> Float[Tensor, "r f c"]:
        """m of each entry: its second moment, less that of a cell, over s²."""
        moment = (self.psf * self._middle).sum((-2, -1)) - self.cell_px**2 / 6
        return moment / self.radius_px[:, None, None] ** 2

    @cached_property
    def reach(self) -> float:
        """E, at least 1: how far the farthest light of any entry lies from its point, in labeled radii."""
        distance = self._middle.sqrt() + self.cell_px / 2
        farthest = torch.where(self.psf > 0, distance, 0.0).amax((1, 2, 3, 4))
        return max(1.0, float((farthest / self.radius_px.abs()).max()))

    def moment(self, defocus_px: float) -> float:
        """Second moment about the point over the squared radius of the circle around all light; see `mask`."""
        return sum(share * self._spot(entry).moment for entry, share in self._entries(defocus_px))

    def mask(self, defocus_px: float) -> Float[Tensor, "d d"]:
        """The spot at E s = `defocus_px`, not 0: float64 [d, d], d odd, unit sum, second moment m s² + 1/6."""
        masks = []
        for entry, share in self._entries(defocus_px):
            mask = self._spot(entry).mask(abs(defocus_px))
            masks.append(share * (mask.flip(0, 1) if self._radii[entry] * defocus_px < 0 else mask))
        half = max(mask.shape[0] // 2 for mask in masks)
        return torch.stack([F.pad(mask, (half - mask.shape[0] // 2,) * 4) for mask in masks]).sum(0)

    def density(self, defocus_px: float) -> Float[Tensor, "n n"]:
        """The light over [−1, 1]², the circle around all light: a picture of the spot, behind (−) or in front (+)."""
        shares = self._entries(defocus_px)
        pictures = [share * self._picture(entry, self._radii[entry] * defocus_px < 0) for entry, share in shares]
        return torch.stack(pictures).sum(0)

    def _entries(self, defocus_px: float) -> list[tuple[int, float]]:
        """Numbers of the radii that are mixed, and their shares."""
        s = defocus_px / self.reach
        side = [i for i, radius in enumerate(self._radii) if radius * s > 0]
        if not side:
            s, side = -s, list(range(len(self._radii)))
        after = bisect_left([self._radii[i] for i in side], s)
        if after in (0, len(side)):
            return [(side[min(after, len(side) - 1)], 1.0)]
        low, high = side[after - 1], side[after]
        share = (s - self._radii[low]) / (self._radii[high] - self._radii[low])
        return [(low, 1.0 - share), (high, share)]

    def light(self, y: Tensor, x: Tensor, defocus_px: Tensor, field: tuple[Tensor, Tensor]) -> Float[Tensor, "e"]:
        """The light at E points (y, x) of spots of points at `field` and these signed radii: all [E].

        Points are in radii of the circle around all light, of the spot as it is drawn. Not normalized.
        """
        rho, azimuth = torch.hypot(*field), torch.atan2(*field)
        positions = self.position.tolist()
        place = torch.zeros_like(rho)
        for low, high in pairwise(positions):
            place += ((rho - low) / (high - low)).clamp(0.0, 1.0)
        cos, sin = azimuth.cos(), azimuth.sin()
        y, x = cos * y - sin * x, cos * x + sin * y
        light, volume = torch.zeros_like(rho), self.psf[:, :, self.channel or 0]  # [r, f, n, n]
        to_square = 2.0 / (volume.shape[-1] * self.cell_px) * self.reach
        s, inverse = defocus_px.unique(return_inverse=True)
        shares = [self.shares(float(v)) for v in s]
        for entry, radius in enumerate(self._radii):
            share, turn = torch.zeros(2, len(s), dtype=y.dtype).unbind()
            for number, mixed in enumerate(shares):
                for other, part, is_turned in mixed:
                    if other == entry:
                        share[number], turn[number] = part, -1.0 if is_turned else 1.0
            used = share[inverse].nonzero()[:, 0]
            if not used.numel():
                continue
            scale = to_square * abs(radius) * turn[inverse[used]]
            depth = (2.0 * place[used] + 1.0) / len(positions) - 1.0  # of the middle of a field position's layer
            grid = torch.stack([x[used] * scale, y[used] * scale, depth], -1)[None, None, None]
            sampled = F.grid_sample(volume[entry][None, None], grid, padding_mode="zeros", align_corners=False)
            light[used] += share[inverse[used]] * radius**2 * sampled.flatten()
        return light

    def shares(self, defocus_px: float) -> list[tuple[int, float, bool]]:
        """The entries that make the spot at E s = `defocus_px`, their shares, whether they are turned by 180°."""
        return [(entry, share, self._radii[entry] * defocus_px < 0) for entry, share in self._entries(defocus_px)]

    def pictures(self, places: Sequence[tuple[float, float]], cells: int) -> tuple[Tensor, Tensor, Tensor]:
        """See `Aperture.pictures`; entries are the radii. Light over the circle around all light."""
        entries, colors = range(len(self._radii)), range(3 if self.is_colored else 1)
        tables = [[self.of_channel(color).at(*place) for color in colors] for place in places]
        pictures = [[[t._picture(entry, cells=cells) for t in row] for entry in entries] for row in tables]
        stacked = torch.stack([torch.stack([torch.stack(row) for row in place]) for place in pictures])
        stacked = stacked / stacked.sum((-2, -1), keepdim=True)
        drawn = _second_moments(stacked).mean(0)  # [e, c] of the cells
        wanted = torch.tensor([[[_moment(t, entry) for t in row] for entry in entries] for row in tables]).mean(0)
        return stacked.float(), torch.ones(stacked.shape[:2]), (wanted / drawn).sqrt()

    def _spot(self, entry: int) -> Spot:
        return _spot(self, entry)

    def _field_entries(self) -> list[tuple[int, float]]:
        """Numbers of the field positions that are mixed, and their shares."""
        positions = self.position.tolist()
        rho = min(max(math.hypot(*(self.place or (0.0, 0.0))), positions[0]), positions[-1])
        after = min(max(bisect_left(positions, rho), 1), len(positions) - 1)
        if len(positions) == 1:
            return [(0, 1.0)]
        share = (rho - positions[after - 1]) / (positions[after] - positions[after - 1])
        return [(after - 1, 1.0 - share), (after, share)]

    def _picture(self, entry: int, turned: bool = False, cells: int = CELLS) -> Float[Tensor, "n n"]:
        """An entry's light at the table's place, over the circle around all light, turned to its azimuth."""
        light = sum(share * self.psf[entry, number, self.channel or 0] for number, share in self._field_entries())
        assert isinstance(light, Tensor)
        side = light.shape[-1]
        scale = 2 * self.reach * abs(self._radii[entry]) / (side * self.cell_px)  # of the circle to the PSF's square
        center = ((torch.arange(cells, dtype=torch.float64) + 0.5) * (2.0 / cells) - 1.0) * scale
        y, x = torch.meshgrid(center, center, indexing="ij")
        azimuth = math.atan2(*self.place) if self.place and any(self.place) else 0.0
        azimuth += math.pi * turned
        cos, sin = math.cos(azimuth), math.sin(azimuth)
        grid = torch.stack([cos * x + sin * y, cos * y - sin * x], dim=-1)
        picture = light[None, None]
        if side > 2 * cells / scale:  # finer than the circle's grid: averaged first, so that every cell counts
            picture = F.interpolate(picture, size=(math.ceil(cells / scale) | 1,) * 2, mode="area")
        return F.grid_sample(picture, grid[None], mode="bilinear", padding_mode="zeros", align_corners=False)[0, 0]

    def _check_extent(self) -> None:
        worst = float(self._moments.min())
        if worst <= 0:
            raise ValueError("psf must be wider than one of its cells, got a point; sample it in smaller cells")
        if self.reach > MOST_REACH:
            must = f"psf must hold its light within {MOST_REACH:g} radii"
            raise ValueError(f"{must}, got {self.reach:.1f}; leave out the smallest radii")


@lru_cache(maxsize=512)
def _spot(table: PsfTable, entry: int) -> Spot:
    return Spot(table._picture(entry), _moment(table, entry))


def _moment(table: PsfTable, entry: int) -> float:
    """m of an entry at the table's place, over the squared radius of the circle around all light."""
    moments = [share * table._moments[entry, number, table.channel or 0] for number, share in table._field_entries()]
    return float(sum(moments)) / table.reach**2


def _second_moments(pictures: Float[Tensor, "... n n"]) -> Float[Tensor, "..."]:
    """m of pictures over [−1, 1]², unit sum."""
    cells = pictures.shape[-1]
    center = (torch.arange(cells, dtype=pictures.dtype) + 0.5) * (2.0 / cells) - 1.0
    return (pictures * (center[:, None] ** 2 + center**2)).sum((-2, -1)) + 2 / 12 * (2.0 / cells) ** 2


def _check(radius: Tensor, position: Tensor, psf: Tensor, cell_px: float) -> None:
    for name, value in (("radius_px", radius), ("field", position), ("psf", psf)):
        if value.numel() == 0 or not bool(torch.isfinite(value).all()):
            got = "none" if value.numel() == 0 else "NaN or infinity"
            raise ValueError(f"{name} must hold finite numbers, got {got}")
    for name, value in (("radius_px", radius), ("field", position)):
        if value.ndim != 1 or not all(a < b for a, b in pairwise(value.tolist())):
            raise ValueError(f"{name} must be one row of rising numbers, got {_shown(value)}")
    if float(radius.abs().min()) < LEAST_RADIUS_PX:
        least = f"radius_px must be at least {LEAST_RADIUS_PX:g} px in front (+) or behind (-) the focus"
        raise ValueError(f"{least}, got {_shown(radius)}; what is in focus stays as the photo has it")
    if not (float(position[0]) >= 0 and float(position[-1]) <= 1):
        raise ValueError(f"field must lie in [0, 1], the frame's middle and corner, got {_shown(position)}")
    expected = [len(radius), len(position), "1 or 3", "n", "n"]
    shape = list(psf.shape)
    if len(shape) != 5 or shape[:2] != expected[:2] or shape[2] not in (1, 3) or shape[3] != shape[4]:
        raise ValueError(f"psf must be [radius, field, color, n, n] = {expected}, got {shape}".replace("'", ""))
    if shape[3] % 2 == 0:
        raise ValueError(f"psf must have an odd number of cells, the point in the middle one, got n = {shape[3]}")
    if float(psf.min()) < 0:
        raise ValueError(f"psf must not be negative, got {float(psf.min()):g}")
    if float(psf.sum((-2, -1)).min()) <= 0:
        raise ValueError("psf must hold light in every entry, got an entry that is dark")
    if not (math.isfinite(cell_px) and cell_px > 0):
        raise ValueError(f"cell_px must be positive and finite, got {cell_px}")


def _shown(value: Tensor) -> str:
    numbers = value.flatten().tolist()
    return f"[{', '.join(f'{v:g}' for v in numbers[:4])}{', …' * (len(numbers) > 4)}]"
