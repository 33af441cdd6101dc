"""Configuration of the verbs `export` and `publish`."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tyro.conf import Positional

from pipelines.errors import require
from pipelines.runs.place import Place
from shards.record import MAX_SEED

FormatName = Literal["pairs", "parquet", "fossa", "bokehdepth", "frames"]
PairKind = Literal["aif-to-frame", "frame-to-frame", "frame-to-aif"]
ControlKind = Literal["none", "defocus", "disparity"]


@dataclass(frozen=True)
class ExportConfig:
    """Write a data set as other trainers read it (docs/export.md); the same command again resumes."""

    out: Positional[Place]
    """Folder of the data set, or its URL."""
    to: Path
    """Folder to write: new, empty, or one that the same command has begun."""
    format: FormatName = "pairs"
    """pairs: target, control, sentence in folders, for trainers of FLUX Kontext, FLUX.2 and Qwen-Image-Edit. parquet:
    the same in columns. fossa: focus stacks in meters. bokehdepth: a manifest for BokehDepth. frames: every frame."""
    pairs: PairKind = "aif-to-frame"
    """Which picture becomes which: a sharp photo a frame, one frame another, or a frame the sharp photo."""
    per_scene: int = 4
    """Pairs of each scene, spread over its blur levels; all of them where it has fewer."""
    control: ControlKind = "none"
    """Second control picture in pairs and parquet. defocus: signed blur radius of target. disparity: the scene's."""
    split: Literal["train", "val", "test", "all"] = "train"
    """Which samples."""
    captions: Path | None = None
    """Folder of sentences of the photos, NAME.txt for NAME.jpg; they follow the sentence about the focus."""
    focus_distances_m: tuple[float, ...] = (0.8, 1.7, 3.0, 4.7, 8.0)
    """fossa: planes in focus of every stack, in meters."""
    f_number: float = 1.4
    """fossa: of every stack."""
    focal_length_mm: float = 0.0
    """fossa: of photos whose labels hold none; 0: there are none of these."""
    sensor_width_mm: float = 0.0
    """fossa: long side of their sensor, likewise."""
    seed: int = 0
    """Decides pairs and wordings, with the scene alone."""
    force: bool = False
    """Take over the folder's lock from a run that is gone for sure."""
    json: bool = False
    """Result as one JSON object on stdout."""

    def __post_init__(self) -> None:
        require(self.per_scene >= 1, "--per-scene", "be at least 1", self.per_scene)
        takes_control = self.control == "none" or self.format in ("pairs", "parquet")
        require(takes_control, "--control", "be none but for --format pairs and parquet", self.control)
        require(0 <= self.seed <= MAX_SEED, "--seed", "lie in [0, 2^63)", self.seed)
        distances = self.focus_distances_m
        named = {f"{distance:.1f}" for distance in distances}  # so its reader calls them
        holds = bool(distances) and all(math.isfinite(d) and d >= 0.05 for d in distances)
        must = "be meters of at least 0.05 that differ in their first decimal"
        require(holds and len(named) == len(distances), "--focus-distances-m", must, distances)
        require(math.isfinite(self.f_number) and self.f_number > 0, "--f-number", "be positive", self.f_number)
        for flag, value in (("--focal-length-mm", self.focal_length_mm), ("--sensor-width-mm", self.sensor_width_mm)):
            require(math.isfinite(value) and value >= 0, flag, "be at least 0", value)


@dataclass(frozen=True)
class PublishConfig:
    """Upload a finished data set to the Hugging Face hub; without --push, show what would go there."""

    out: Positional[Path]
    """Folder of the data set."""
    repo: Positional[str]
    """NAME/SET on the hub; it is made where it does not exist."""
    push: bool = False
    """Upload it."""
    public: bool = False
    """Make a repository that everyone can read (default: private)."""
    title: str = ""
    """Title of the card (default: made from the repository's name)."""
    despite_warnings: bool = False
    """Upload although the card warns about licenses."""
    json: bool = False
    """Result as one JSON object on stdout."""
