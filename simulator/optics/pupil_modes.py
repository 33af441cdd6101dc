"""Pupil modes: a pupil that changes over the frame as a few fixed pictures, mixed anew at every pixel.

The pupil of pixel q is T(u; q) ≈ Σ_k a_k(q) B_k(u). So a depth group is blurred once for each mode B_k, and its
pictures are summed with the weights a_k before anything is composited: all else is done once, and every pixel
composites what its own pupil sees. Modes are the strongest ones of a singular-value decomposition of pupils at places
all over the frame. It weights frequencies f by 1/f, as photos hold them, and takes as many modes as leave less than
_TOLERANCE of all, MOST_MODES at most. What photos do not hold so, small bright things,
is drawn with the pupil itself (see `scatter.field_spots`).
Letters: k mode; J places; u point of the spot, in radii; n cells.
"""

from __future__ import annotations

from copy import copy
from functools import lru_cache

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from simulator.optics.aperture import IDENTITY_RADIUS_PX, RESOLVED_RADIUS_PX, Aperture
from simulator.optics.disc import rendered_radius
from simulator.optics.regional_pupils import field_coordinates
from simulator.optics.spot import summed_light

MOST_MODES = 6
_TOLERANCE = 1.5e-3
"""0.35 radii of cat-eye need three modes, 0.9 all; against pupils of each pixel a photo has then 52 and 49 dB."""
_PLACES = (9, 13)  # along the short and the long side
_CELLS = 128


class PupilMode:
    """One mode: to the scatter renderer a pupil, though its light may be negative and need not sum to one."""

    is_two_sided, is_point_symmetric = True, False

    def __init__(self, aperture: Aperture, pictures: Float[Tensor, "e c n n"], narrowing: Float[Tensor, "e c"]) -> None:
        """pictures, narrowing: see `Aperture.pictures`; of a mode instead of a place."""
        self._aperture, self._pictures, self._narrowing = aperture, pictures, narrowing
        self._summed = F.pad(pictures.cumsum(-1).cumsum(-2), (1, 0, 1, 0))
        self._colors: dict[int, PupilMode] = {}

    def of_channel(self, channel: int) -> PupilMode:
        """The mode of one color."""
        if self._pictures.shape[1] == 1:
            return self
        if channel not in self._colors:
            one = slice(channel, channel + 1)
            self._colors[channel] = PupilMode(self._aperture, self._pictures[:, one], self._narrowing[:, one])
        return self._colors[channel]

    def mask(self, defocus_px: float) -> Float[Tensor, "d d"]:
        """As `Aperture.mask`, but of the mode."""
        radius = abs(defocus_px)
        shares = self._aperture.picture_shares(defocus_px)
        light = sum(float(self._summed[entry, 0, -1, -1]) * share for entry, share, _ in shares)
        if radius <= IDENTITY_RADIUS_PX:
            return torch.full((1, 1), light, dtype=torch.float64)
        drawn = max(radius, RESOLVED_RADIUS_PX)
        masks = []
        for entry, share, is_turned in shares:
            narrowed_px = rendered_radius(drawn) * float(self._narrowing[entry, 0])
            mask = share * summed_light(self._summed[entry, 0], narrowed_px)
            masks.append(mask.flip(0, 1) if is_turned else mask)
        half = max(mask.shape[0] // 2 for mask in masks)
        total = torch.stack([F.pad(mask, (half - mask.shape[0] // 2,) * 4) for mask in masks]).sum(0)
        w = min(1.0, (radius**2 - IDENTITY_RADIUS_PX**2) / (RESOLVED_RADIUS_PX**2 - IDENTITY_RADIUS_PX**2))
        total = total * w
        total[half, half] += (1.0 - w) * light
        return total


class PupilModes:
    """The modes of an aperture that varies over a frame of one size, and their weights at its pixels."""

    def __init__(self, aperture: Aperture, size: tuple[int, int]) -> None:
        places = _PLACES if size[0] <= size[1] else _PLACES[::-1]
        axes = [
            torch.linspace(float(axis[0]), float(axis[-1]), n)
            for axis, n in zip(field_coordinates(size), places, strict=True)
        ]
        grid = [(float(y), float(x)) for y in axes[0] for x in axes[1]]
        pictures, light_of, narrowing = aperture.pictures(grid, _CELLS)
        coefficients = _strongest(pictures.flatten(1, 2))  # [J, k]
        modes = torch.einsum("jk,jecyx->kecyx", coefficients, pictures)
        self.modes = [PupilMode(aperture, mode, narrowing) for mode in modes.double()]
        light = modes.sum((-2, -1)).mean((1, 2))  # [k]
        scaled = coefficients / (coefficients @ light)[:, None]  # all light stays
        self.aperture = aperture
        self._light = light_of.T.unflatten(1, places)  # [e, *places]
        self._grid = scaled.T.unflatten(1, places)  # [k, *places]
        self._colors: dict[int, PupilModes] = {}
        self._size, self._at_octave = size, dict[tuple[int, int, torch.device], Tensor]()

    def weights(self, octave: int, ring: int, device: torch.device) -> Float[Tensor, "k h w"]:
        """a_k at the cells of an octave's grid of the whole frame, with a ring around it."""
        key = octave, ring, device
        if key not in self._at_octave:
            q = 2**octave
            rows, columns = (
                ((torch.arange(-ring, -(-side // q) + ring) + 0.5) * q - 0.5) / max(side - 1, 1) for side in self._size
            )
            self._at_octave[key] = self._at(rows, columns).float().to(device)
        return self._at_octave[key]

    def of_channel(self, channel: int) -> PupilModes:
        """The modes of one color, with the same weights."""
        if channel not in self._colors:
            color = copy(self)
            color.aperture = self.aperture.of_channel(channel)
            color.modes = [mode.of_channel(channel) for mode in self.modes]
            self._colors[channel] = color
        return self._colors[channel]

    def light_at(self, down: Float[Tensor, "e"], right: Float[Tensor, "e"], entry: int) -> Float[Tensor, "e"]:
        """Light that the pupils of E pixels (rows and columns) let through, in squared radii; of an entry of
        `Aperture.pictures`.
        """
        place = [2.0 * at / max(n - 1, 1) - 1.0 for at, n in zip((right, down), self._size[::-1], strict=True)]
        grid = torch.stack(place, -1).float()[None, None]
        light = self._light[min(entry, len(self._light) - 1)][None, None]
        return F.grid_sample(light, grid, padding_mode="border", align_corners=True).flatten()

    def at_places(self, places: tuple[int, int]) -> Float[Tensor, "k rows columns"]:
        """a_k in the middles of rows × columns equal parts of the frame."""
        return self._at(*((torch.arange(n) + 0.5) / n for n in places))

    def _at(self, rows: Float[Tensor, "h"], columns: Float[Tensor, "w"]) -> Float[Tensor, "k h w"]:
        """a_k at places given as shares of the frame's height and width."""
        along = [_hats(share, n) for share, n in zip((rows, columns), self._grid.shape[1:], strict=True)]
        return torch.einsum("kab,ah,bw->khw", self._grid, *along)


@lru_cache(maxsize=4)
def pupil_modes(aperture: Aperture, size: tuple[int, int]) -> PupilModes:
    """The modes of an achromatic aperture on a frame of this size (height, width)."""
    return PupilModes(aperture, size)


def _hats(share: Float[Tensor, "p"], nodes: int) -> Float[Tensor, "n p"]:
    """Weights of nodes that lie evenly from 0 to 1, linear between them."""
    position = share.clamp(0.0, 1.0) * (nodes - 1)
    return (1.0 - (position - torch.arange(nodes)[:, None]).abs()).clamp(min=0.0)


def _strongest(pictures: Float[Tensor, "j e n n"]) -> Float[Tensor, "j k"]:
    """Coefficients of the pupils of J places in their strongest modes, orthonormal along J."""
    coarse = F.avg_pool2d(pictures, 2)
    cells = 2 * coarse.shape[-1]
    spectrum = torch.fft.rfft2(coarse, s=(cells, cells))
    frequency = torch.hypot(torch.fft.fftfreq(cells)[:, None], torch.fft.rfftfreq(cells)).clamp(min=1.0 / cells)
    weighted = torch.view_as_real(spectrum / frequency).flatten(1).double()  # [J, features]
    strength, coefficients = torch.linalg.eigh(weighted @ weighted.T)  # rising
    share = strength.flip(0).clamp(min=0.0).cumsum(0) / strength.sum()
    count = min(MOST_MODES, int((share < 1.0 - _TOLERANCE).sum()) + 1)
    return coefficients.flip(1)[:, :count].float()
