"""Built-in scenes: seeded, varied, in linear light, with exact disparity and exact hidden surfaces.

The modules of `simulator/scenes/` render them: camera, solids, light, shading, raster, and one for each kind.
"""

from dataclasses import dataclass
from zlib import crc32

from simulator.layers.ldi import LayeredDepthImage
from simulator.scenes.camera import Camera
from simulator.scenes.colonnade import colonnade
from simulator.scenes.foliage import foliage
from simulator.scenes.interior import interior
from simulator.scenes.landscape import fence, hills
from simulator.scenes.market import market
from simulator.scenes.night_street import night_street
from simulator.scenes.rng import Rng
from simulator.scenes.still_life import still_life
from simulator.scenes.suspended import clutter, cutouts

_SCENES = (still_life, night_street, foliage, interior, cutouts, hills, market, fence, colonnade, clutter)
_KINDS = {scene.__name__: scene for scene in _SCENES}
_SMALLEST_PX = 16

KINDS: tuple[str, ...] = tuple(_KINDS)


@dataclass(frozen=True)
class BuiltinScene:
    """A scene and its kind, one of KINDS."""

    kind: str
    layers: LayeredDepthImage


def builtin_scene(seed: int, *, height: int, width: int, kind: str | None = None, margin_px: int = 0) -> BuiltinScene:
    """The scene `seed`, of a kind in KINDS; without a kind, seeds take turns: KINDS[seed % len(KINDS)].

    Disparity spans [0.02, 0.98] within the frame, bigger is nearer, affine in inverse depth. One surface covers
    everything. The scene continues for margin_px beyond the frame on every side; the frame itself does not change.
    A pure function: the same bytes for the same arguments, on the CPU, whatever the number of threads.

    Raises ValueError when the kind is unknown, the frame smaller than 16 pixels, or the margin negative.
    """
    if kind is not None and kind not in _KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}; got {kind!r}")
    if min(height, width) < _SMALLEST_PX:
        raise ValueError(f"height and width must be >= {_SMALLEST_PX} px, got {height} and {width}")
    if margin_px < 0:
        raise ValueError(f"margin_px must be >= 0, got {margin_px}")
    chosen = kind or KINDS[seed % len(KINDS)]
    layers = _KINDS[chosen](Camera(height, width, margin_px=margin_px), Rng(seed, crc32(chosen.encode())))
    return BuiltinScene(chosen, layers)
