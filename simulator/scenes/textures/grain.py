"""Grain and dirt of materials: changes of reflectance from the width of a sample up to several repeats of a texture.

A texture ends at its pixels; a surface seen from near does not. Grain is noise with the same contrast in every octave,
as natural surfaces have it (D. Ruderman, "Origins of scaling in natural images", Vision Research 1997): one periodic
picture, enlarged by the two powers of two between which a texel is as wide as a pixel, crossfaded.
Letters: k exponent of the enlargement; t weight of the coarser one of the two.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import torch
from torch import Tensor
from torch.nn import functional

from simulator.scenes.textures.noise import fractal, mix_seeds

_SIZE = 256
# Cells and strength: the finer ones lose to interpolation.
_OCTAVES = (
    (24, 0.5),
    (48, 0.7),
    (96, 0.9),
    (160, 1.1),
    (256, 1.9),
)
_TEXEL = 1.0  # width of a texel, in widths of a sample
_EXPONENT = 0x7F800000  # bits of a float32
_SHIFT = torch.tensor([[0.37], [0.61]])  # from an enlargement to the next, in periods
_DIRT_PERIOD = 3.3  # of the noise that dirt follows, in repeats of the texture
_DARKEST = 0.2  # root of the share of the reflectance that is left at the bottom of a pore


@dataclass(frozen=True)
class Grain:
    """How a material departs from its texture.

    Attributes:
        strength: standard deviation of the fine grain, as a share of the reflectance.
        dirt: standard deviation of the slow darkening.
        stretch: length of a fiber along v, in widths.
    """

    strength: float = 0.0
    dirt: float = 0.0
    stretch: float = 1.0

    def modulation(self, uv: Tensor, footprint: Tensor) -> Tensor:
        """Factors [n] of the reflectance at uv [2, n], in repeats of the texture; footprint [n]: width of a sample."""
        width = (footprint * (_TEXEL * _SIZE)).clamp_(min=2.0**-40)
        bits = width.view(torch.int32) & _EXPONENT
        power = bits.view(torch.float32)  # 2^k <= width < 2^(k + 1), exactly, on every machine
        t = width / power - 1.0
        along = uv / power
        if self.stretch != 1.0:
            along = torch.stack([along[0], along[1] / self.stretch])
        places = torch.empty(2, 3, uv.shape[1])
        shift = (bits >> 23) * _SHIFT  # enlargements share no center
        torch.add(along, shift, out=places[:, 0])
        torch.add(shift.add_(_SHIFT), along, alpha=0.5, out=places[:, 1])
        torch.div(uv, width.clamp(min=_DIRT_PERIOD), out=places[:, 2])  # far away it grows with the sample: no sparkle
        finer, coarser, dirt = _lookup(places.flatten(1)).chunk(3)
        grain = ((1.0 - t) * finer + t * coarser) * (1.0 - 2.0 * t * (1.0 - t)).rsqrt()  # of constant variance
        # Squared: as far up as down to the eye, which sees about the root of light.
        change = 1.0 + 0.5 * (self.strength * grain - self.dirt * dirt.clamp(min=-0.5))
        return change.clamp(min=_DARKEST).square() * (1.0 / (1.0 + 0.25 * self.strength**2))


def _lookup(places: Tensor) -> Tensor:
    """The noise at places [2, n], in periods: [n]; mean 0, standard deviation 1."""
    at = (places - places.floor()).mul_(2.0 * _SIZE / (_SIZE + 1.0)).add_(1.0 / (_SIZE + 1.0) - 1.0)
    return functional.grid_sample(_noise(), at.T[None, None], "bilinear", "border", align_corners=True)[0, 0, 0]


@cache
def _noise() -> Tensor:
    """One period of the noise, patchy as weathered surfaces are; [1, 1, _SIZE + 2, _SIZE + 2], its border repeated."""
    octaves = [gain * fractal(_SIZE, _SIZE, cells, cells, octaves=1) for cells, gain in _OCTAVES]
    noise = torch.stack(octaves).sum(0) * (1.0 + 0.4 * fractal(_SIZE, _SIZE, 8, 47, octaves=3))
    noise = noise - noise.mean()
    return functional.pad((noise / noise.std())[None, None], (1, 1, 1, 1), mode="circular")


NO_GRAIN = Grain()
_GRAINS = {  # by names of textures; clouds have none
    "grass canopy": Grain(0.55, 0.15),
    "concrete brick ashlar stone cobble gravel bark moss": Grain(0.36, 0.12),
    "plaid weave knit kilim stripes leather": Grain(0.28, 0.1),
    "rust": Grain(0.3, 0.12),
    "wood planks": Grain(0.26, 0.08, stretch=3.0),
    "plaster terrazzo leaf": Grain(0.2, 0.1),
    "wallpaper print paper checker": Grain(0.14, 0.07),
    "tiles marble gradient": Grain(0.11, 0.06),
    "glaze": Grain(0.07, 0.06),
}


def grain_of(name: str, seed: int) -> Grain:
    """The grain of the texture `name`: rough for some seeds, worn smooth for others."""
    for names, grain in _GRAINS.items():
        if name in names.split():
            return replace(grain, strength=grain.strength * (0.6 + 0.8 * mix_seeds(seed, 53) / 2**63))
    return NO_GRAIN
