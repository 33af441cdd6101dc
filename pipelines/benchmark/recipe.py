"""The frozen recipe of test set v2: which scenes, from which seeds, seen through which lenses.

Nothing in this file may change without another VERSION: scores are comparable only within one recipe, whose hash is
in every report. Seeds are held out: `render --photos builtin:N` draws its seeds above 2^47, these count from
900,000,001 on.
Letters: K blur scale; a blur level is K over the whole depth range in percent of the long side.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Literal

VERSION = "v2"
RECIPE_SHA256 = "bff77e94bc9c1e8d0fbd54e59706fbc64a763ac2d38d2fe01dbb3ff48c71cd82"
"""Of RECIPE; a test compares."""

Difficulty = Literal["easy", "medium", "hard"]
DIFFICULTIES: tuple[Difficulty, ...] = ("easy", "medium", "hard")


@dataclass(frozen=True)
class GatheredScene:
    """A built-in scene, its frames gathered exactly (every surface known, ray by ray). kind: that of its seed."""

    part: str
    kind: str
    seed: int
    width: int
    height: int

    @property
    def name(self) -> str:
        return f"{self.kind}-{self.seed - FIRST_SEED:02d}"


@dataclass(frozen=True)
class TracedScene:
    """A small path-traced scene that comes with the package, by another renderer. sha256: of the reference."""

    part: str
    scene: str
    sha256: str

    @property
    def name(self) -> str:
        return f"traced-{self.scene}"


@dataclass(frozen=True, order=True)
class FrameLens:
    """Plane (0 far, 1 middle, 2 near) and blur level; ordered by both."""

    plane: int
    level: float


@dataclass(frozen=True)
class FramePair:
    """Two frames: the input and the true picture of a task."""

    source: FrameLens
    target: FrameLens


FIRST_SEED = 900_000_000  # a multiple of the number of kinds: seeds take turns
_QUICK = (0, 2, 4, 6, 7)  # still_life, foliage, cutouts, market, fence
_KINDS = (
    "still_life", "night_street", "foliage", "interior", "cutouts",
    "hills", "market", "fence", "colonnade", "clutter",
)  # fmt: skip


@dataclass(frozen=True)
class TestSetRecipe:
    """The scenes, and the tasks of each built-in one.

    planes: number of focus points, one per quantile stratum of disparity; FOCUS_POINTS has them.
    sweep: levels of the bokeh tasks on one plane (seed modulo planes). group_level: of the stacking group.
    refocus: frame to frame. deblur: frame to photo.
    """

    __test__ = False  # not a test for pytest to collect

    version: str
    planes: int
    sweep: tuple[float, ...]
    group_level: float
    refocus: tuple[FramePair, ...]
    deblur: tuple[FrameLens, ...]
    builtin: tuple[GatheredScene, ...]
    traced: tuple[TracedScene, ...]

    def sha256(self) -> str:
        """sha256 of the recipe as canonical JSON."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


RECIPE = TestSetRecipe(
    version=VERSION,
    planes=3,
    sweep=(0.5, 1.0, 2.0, 3.0, 4.0),
    group_level=2.0,
    refocus=(
        FramePair(FrameLens(1, 1.0), FrameLens(0, 0.8)),
        FramePair(FrameLens(1, 1.0), FrameLens(2, 2.0)),
        FramePair(FrameLens(0, 4.0), FrameLens(2, 3.0)),
    ),
    deblur=(FrameLens(1, 1.0), FrameLens(0, 2.0), FrameLens(2, 4.0)),
    builtin=(
        *(GatheredScene("quick", _KINDS[i], FIRST_SEED + i, 256, 170) for i in _QUICK),
        *(GatheredScene("full", _KINDS[i % 10], FIRST_SEED + i, 384, 256) for i in range(10, 60)),
    ),
    traced=(
        TracedScene("quick", "cutouts", "eccd05725f1eac16fc3119b139a4a0da5f78ca6339d9c4acd35d4879e09700e3"),
        TracedScene("quick", "ground", "b09a639750403acd1015f3e3b524fa843199a200b2095c001c0c0e59087c102f"),
        TracedScene("quick", "portrait", "1d5daf1a1e88f6b72e45c7c52056b8c8702764636873c74f87639f73d7ceeed5"),
        TracedScene("quick", "branches", "a38db7da9c6a88bdce23736cdf87b8ce29934d14a8fe751accaeea6868ad0f63"),
    ),
)


def difficulty(strongest_level: float, plane_distance: float) -> Difficulty:
    """Difficulty of a task, from the stronger blur of its two pictures and the distance of their planes.

    strongest_level: percent of the long side; plane_distance: share of the depth range.
    Up to 1 % of the long side: easy; up to 2 %: medium; above: hard. More than half the range: one step up.
    """
    step = (strongest_level > 1.05) + (strongest_level > 2.05) + (plane_distance > 0.5)
    return DIFFICULTIES[min(step, 2)]
