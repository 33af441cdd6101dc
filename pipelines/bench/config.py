"""Settings of a measurement; the command line is made from this record."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pipelines.errors import require

Part = Literal["renderer", "pipeline", "feeding", "reader"]
PARTS: tuple[Part, ...] = ("renderer", "pipeline", "feeding", "reader")
_SIZES, _RADII, _REPEATS = (512, 1024), (8, 16, 32, 64), 5
_QUICK_SIZES, _QUICK_RADII, _QUICK_REPEATS = (192, 384), (8, 32), 3


@dataclass(frozen=True)
class BenchConfig:
    """Measure renderer, pipeline and shard reader on this machine, side by side with direct and binned scatter."""

    device: Literal["auto", "cpu", "cuda"] = "auto"
    """auto: a GPU where there is one."""
    json: bool = False
    """Result as one JSON object on stdout."""
    quick: bool = False
    """Small sizes and few repeats: under a minute on two cores. A test that `bench` works; no figures to quote."""
    threads: int = 2
    """CPU threads of the renderer and its opponents; pipeline workers have the default of `render`."""
    repeats: int | None = None
    """Repeats of each method, taking turns. Default 5, with --quick 3."""
    sizes: tuple[int, ...] = ()
    """Sides of the square frames in pixels. Default 512 1024, with --quick 192 384."""
    radii: tuple[int, ...] = ()
    """Largest blur radii of a stack in pixels. Default 8 16 32 64, with --quick 8 32."""
    parts: tuple[Part, ...] = PARTS
    """Parts to measure."""
    plot: Path | None = None
    """Draw the renderer's times into this file, an SVG (needs the extra `benchmark`)."""

    def __post_init__(self) -> None:
        require(self.threads >= 1, "--threads", "be at least 1", self.threads)
        require(self.repeats is None or self.repeats >= 1, "--repeats", "be at least 1", self.repeats)
        require(all(32 <= size <= 8192 for size in self.sizes), "--sizes", "lie between 32 and 8192 px", self.sizes)
        require(all(1 <= radius <= 256 for radius in self.radii), "--radii", "lie between 1 and 256 px", self.radii)
        require(bool(self.parts), "--parts", f"name some of {' '.join(PARTS)}", "none")
        if self.plot:
            require(self.plot.suffix == ".svg", "--plot", "end in .svg", self.plot)
            require("renderer" in self.parts, "--parts", "hold renderer, which --plot draws", " ".join(self.parts))

    @property
    def chosen_sizes(self) -> tuple[int, ...]:
        return tuple(sorted(set(self.sizes))) or (_QUICK_SIZES if self.quick else _SIZES)

    @property
    def chosen_radii(self) -> tuple[int, ...]:
        return tuple(sorted(set(self.radii))) or (_QUICK_RADII if self.quick else _RADII)

    @property
    def chosen_repeats(self) -> int:
        return self.repeats or (_QUICK_REPEATS if self.quick else _REPEATS)
