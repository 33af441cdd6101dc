"""Settings of a validation run; the command line is made from this record."""

from dataclasses import dataclass
from pathlib import Path

from pipelines.errors import require

SCENE_NAMES = (
    "cutouts", "ground", "terrain", "fence", "foliage", "portrait",
    "interior", "clutter", "corridor", "branches", "statue",
)  # fmt: skip
"""The keys of scenes.SCENES, written out: importing that file would slow down every command."""

KIND_NAMES = (
    "still_life", "night_street", "foliage", "interior", "cutouts",
    "hills", "market", "fence", "colonnade", "clutter",
)  # fmt: skip
"""The built-in kinds, simulator.scenes.catalog.KINDS."""


@dataclass(frozen=True)
class ValidateConfig:
    """Compare the renderer with a path tracer: error table, pictures, and the renderer measured as an instrument."""

    out: Path = Path("out/validate")
    """Folder of table, pictures and traced references; references found there are not traced again."""
    scenes: tuple[str, ...] = SCENE_NAMES
    """Path-traced scenes to render."""
    kinds: tuple[str, ...] = KIND_NAMES
    """Built-in kinds to render from their exact layers, 192 pixels across."""
    width: int = 480
    """Pixels across; the height is two thirds."""
    seed: int = 0
    """Layout and textures of the scenes: another number makes new scenes."""
    noise_psnr: float = 50.0
    """PSNR of the references' own noise, in dB; scenes that are rendered well are traced up to 8 dB quieter."""
    stereo: Path | None = None
    """Folder of stereo pairs with measured disparity: what is put behind silhouettes, against the real pixels there."""
    checks: bool = True
    """Leave out the checks with bars, which take minutes (default: measure them)."""
    threads: int = 2
    """CPU threads of torch."""
    json: bool = False
    """Result as one JSON object on stdout."""

    def __post_init__(self) -> None:
        for flag, given, names in (("--scenes", self.scenes, SCENE_NAMES), ("--kinds", self.kinds, KIND_NAMES)):
            unknown = sorted(set(given) - set(names))
            require(not unknown, flag, f"be among {', '.join(names)}", ", ".join(unknown))
        if self.stereo is not None:
            require(self.stereo.is_dir(), f"--stereo {self.stereo}", "be a folder of stereo pairs", "nothing there")
        require(96 <= self.width <= 1920, "--width", "lie between 96 and 1920 px", self.width)
