"""Where on the pixel and on the lens the rays go: points that fill the four dimensions evenly together.

A Sobol' sequence (Joe & Kuo 2008, scipy's) scrambled anew for each pixel and dimension by hashing (Burley 2020,
"Practical Hash-based Owen Scrambling"). Two seeds give two independent estimates; 2^n samples from the start of the
sequence are one net, so a longer run goes on where a shorter one stopped.
"""

import importlib
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import qmc

DIMENSIONS = 4  # pixel x, pixel y, lens u, lens v


@lru_cache(maxsize=4)
def sobol_bits(first: int, count: int) -> NDArray[np.uint32]:
    """Points first ... first + count - 1 as 32-bit fractions, lowest bit most significant: [4, count]."""
    sequence = qmc.Sobol(DIMENSIONS, scramble=False, bits=32)
    if first:
        sequence.fast_forward(first)
    fractions = (sequence.random(count) * 2.0**32).astype(np.uint64)  # exact in float64
    octets = fractions.astype(">u4").view(np.uint8).reshape(count, DIMENSIONS, 4)
    mirrored = np.packbits(np.unpackbits(octets, axis=-1), axis=-1, bitorder="little")  # bits within each octet
    return np.ascontiguousarray(np.ascontiguousarray(mirrored).view("<u4")[..., 0].T.astype(np.uint32))


def mean_over_samples(mi: Any, light: Callable[[list[Any]], Any], pixel: Any, run: range, seed: int) -> Any:
    """The mean of light(point) -> Color3f over the points `run` of each pixel's own scrambled sequence.

    `pixel` is a vectorised index; a point has one number in [0, 1) for each dimension.
    """
    dr: Any = importlib.import_module("drjit")
    table = [mi.UInt32(bits) for bits in sobol_bits(run.start, len(run))]
    keys = [_pixel_hash(mi, pixel, int(key)) for key in np.random.SeedSequence(seed).generate_state(DIMENSIONS)]
    dr.eval(keys)

    def add_one(index: Any, total: Any) -> tuple[Any, Any]:
        point = [_scrambled(mi, dr.gather(mi.UInt32, bits, index), key) for bits, key in zip(table, keys, strict=True)]
        return index + 1, total + light(point)

    start = (dr.zeros(mi.UInt32, dr.width(pixel)), dr.zeros(mi.Color3f, dr.width(pixel)))
    _, total = dr.while_loop(start, lambda index, _: index < mi.UInt32(len(run)), add_one)
    return total / len(run)


def _scrambled(mi: Any, x: Any, key: Any) -> Any:
    """Owen scrambling of a mirrored fraction: each bit flips by a hash of those above it (Laine-Karras; Burley)."""
    x = x + key
    for factor in (0x6C50B47C, 0xB82F1E52, 0xC7AFE638, 0x8D22F6E6):
        x = x ^ (x * mi.UInt32(factor))
    return mi.Float(importlib.import_module("drjit").brev(x) >> 8) * mi.Float(2.0**-24)


def _pixel_hash(mi: Any, pixel: Any, key: int) -> Any:
    """A hash of (pixel, key), twice through a 32-bit finaliser (Wellons 2018, lowbias32)."""
    x = pixel * mi.UInt32(0x9E3779B1) ^ mi.UInt32(key)
    for _ in range(2):
        x = (x ^ (x >> 16)) * mi.UInt32(0x7FEB352D)
        x = (x ^ (x >> 15)) * mi.UInt32(0x846CA68B)
        x = x ^ (x >> 16)
    return x
