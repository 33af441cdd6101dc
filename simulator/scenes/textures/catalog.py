"""Procedural textures by name: `texture("brick", 512, 512, seed=3)` is a [3, 512, 512] picture in linear light.

Every texture is a pure function of (name, size, seed), tiles without a seam in both directions, holds
reflectances in [0, 1], and carries no lighting but the faint relief that a photograph of the material shows.
A larger size is the same material with more detail. The patterns are in mineral.py, made.py and organic.py.
"""

from collections.abc import Callable
from zlib import crc32

from jaxtyping import Float
from torch import Tensor

from simulator.scenes.textures import made, mineral, organic
from simulator.scenes.textures.noise import mix_seeds
from simulator.scenes.textures.pattern import Canvas

_PATTERNS: dict[str, Callable[[Canvas], Tensor]] = {
    pattern.__name__: pattern for pattern in (*mineral.PATTERNS, *made.PATTERNS, *organic.PATTERNS)
}
_PATTERNS["print"] = made.print_marks  # whose own name would hide Python's

TEXTURES: tuple[str, ...] = tuple(_PATTERNS)


def texture(name: str, height: int, width: int, seed: int) -> Float[Tensor, "3 h w"]:
    """The texture `name` as a picture: float32 [3, height, width], linear light in [0, 1], on the CPU.

    The longer side holds one period; patterns keep their proportions when height and width differ.
    Raises ValueError when the name is unknown or the size is not positive.
    """
    if name not in _PATTERNS:
        raise ValueError(f"texture name must be one of {', '.join(TEXTURES)}; got {name!r}")
    if height < 1 or width < 1:
        raise ValueError(f"texture height and width must be >= 1, got {height} and {width}")
    canvas = Canvas(height, width, mix_seeds(seed, crc32(name.encode())))  # seed 3 picks another palette per name
    return _PATTERNS[name](canvas).clamp(0.0, 1.0).contiguous()
