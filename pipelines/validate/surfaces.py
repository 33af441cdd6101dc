"""The parts of a reference scene: surfaces that emit light, so that sampling is the only noise.

Coordinates as in `meshes`. Everything reaches beyond the frame (3:2, seen with a focal length of FOCAL_LENGTH_WIDTHS)
on all sides, so that light from outside the frame is there too.
Depths run from about 2 m to infinity: with K = 20 and 50 px·m at 480 pixels the largest radii are about 10 and 25.
"""

import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.validate.meshes import Floats, Mesh, quad
from simulator.scenes.textures.catalog import texture

FOCAL_LENGTH_WIDTHS = 1.1  # focal length in image widths: 49° across

Light = NDArray[np.float32]


@dataclass(frozen=True)
class Surface:
    """One mesh and its light: radiance [h, w, 3], linear, >= 0, above 1 for lamps; repeated without end.

    stepped: texels are even squares instead of being blended into each other.
    """

    mesh: Mesh
    radiance: Light
    stepped: bool = False

    def __post_init__(self) -> None:
        if self.radiance.ndim != 3 or self.radiance.shape[2] != 3 or self.radiance.dtype != np.float32:
            raise ValueError(f"radiance must be float32 [h, w, 3], got {self.radiance.dtype} {self.radiance.shape}")
        if not (np.isfinite(self.radiance).all() and self.radiance.min() >= 0):
            raise ValueError("radiance must be finite and >= 0")


@dataclass(frozen=True)
class ReferenceScene:
    """Surfaces before a camera in the origin; focus_m: depths of a near, a middle and a far thing worth a focus."""

    name: str
    seed: int
    surfaces: tuple[Surface, ...]
    focus_m: tuple[float, float, float]

    def __post_init__(self) -> None:
        if not 0 < self.focus_m[0] < self.focus_m[1] < self.focus_m[2]:
            raise ValueError(f"focus_m must be positive and rise from near to far, got {self.focus_m}")


class Painter:
    """The random draws of one scene, and the textures made from them."""

    def __init__(self, name: str, seed: int) -> None:
        self.rng = np.random.default_rng([seed, zlib.crc32(name.encode())])

    def uniform(self, low: float, high: float) -> float:
        return float(self.rng.uniform(low, high))

    def light(self, names: str, rows: int = 512, columns: int = 512) -> Light:
        """One of the textures in `names` (words), drawn with its own seed: [rows, columns, 3]."""
        words = names.split()
        name = words[int(self.rng.integers(len(words)))]
        pattern = texture(name, rows, columns, int(self.rng.integers(2**31)))  # [3, rows, columns]
        return np.ascontiguousarray(pattern.numpy().transpose(1, 2, 0), dtype=np.float32)

    def surface(self, mesh: Mesh, names: str, rows: int = 512, columns: int = 512, *, gain: float = 1.0) -> Surface:
        """The mesh in one of the textures in `names`, times gain."""
        return Surface(mesh, np.float32(gain) * self.light(names, rows, columns))

    def lamp(self, mesh: Mesh, radiance: float, tint: tuple[float, float, float]) -> Surface:
        """The mesh in one even light."""
        return Surface(mesh, np.full((2, 2, 3), tint, dtype=np.float32) * np.float32(radiance))

    def shape(self, radius_m: float, roughness: float = 0.25, corners: int = 120) -> Floats:
        """A random star-shaped outline around the origin, counterclockwise: [corners, 2], in meters."""
        angle = np.linspace(0, 2 * np.pi, corners, endpoint=False)
        order = np.arange(1, 9)
        swing = self.rng.normal(0, roughness, 8) / order**0.7
        waves = (swing * np.cos(order * angle[:, None] + self.rng.uniform(0, 2 * np.pi, 8))).sum(axis=1)
        radius = radius_m * np.clip(1 + waves, 0.3, 1.8)
        return np.column_stack([radius * np.cos(angle), radius * np.sin(angle)])


# Which textures suit what
WALLS = "brick ashlar stone wallpaper tiles"
FLOORS = "checker tiles cobble planks terrazzo"
CLOTH = "weave knit plaid stripes kilim"
WOOD = "wood planks bark"
PLANTS = "leaf grass moss"
THINGS = "marble wood terrazzo stripes plaid print rust kilim leather tiles knit checker"

SurfacesAndFocus = tuple[list[Surface], tuple[float, float, float]]


def half_frame_m(depth_m: float) -> tuple[float, float]:
    """Half the width and half the height that a 3:2 frame sees at that depth."""
    half = depth_m / (2 * FOCAL_LENGTH_WIDTHS)
    return half, half / 1.5


def backdrop(depth_m: float, margin: float = 1.5) -> Mesh:
    """An upright rectangle that fills the frame and more."""
    x, y = half_frame_m(depth_m)
    return quad(2 * margin * x, 2 * margin * y).moved((0, 0, depth_m))
