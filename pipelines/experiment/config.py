"""Settings of a study, the data sets that it renders, and the training run that its arms change."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pipelines.errors import UserError, require
from pipelines.render.config import ExecutionConfig, RenderConfig, SourceConfig, StackConfig, StorageConfig
from pipelines.train.config import DataConfig, ObjectiveConfig, OptimizerConfig, RecordingConfig, TrainConfig

StudyName = Literal["ways", "stacking-unlabeled", "stacking-mislabeled", "stacking-clean", "scenes"]
TRAIN_SEED, HELD_OUT_SEED = 0, 1
"""Of the scenes: the same for every seed of training, so that differences are paired by scene."""
_PATCH_PX = 16


@dataclass(frozen=True)
class ExperimentConfig:
    """A study: train every arm with every seed, score on held-out scenes, compare; the same command resumes."""

    study: StudyName
    """ways: to the picture. stacking-...: the constraint without labels, with wrong ones, with true ones. scenes: two
    data sets for one trainer."""
    out: Path | None = None
    """Folder of data, runs, scores and tables; out/study-STUDY when left out."""
    seeds: tuple[int, ...] = (0, 1, 2)
    """Seeds of weights, order and noise: a run of each arm for each."""
    arms: tuple[str, ...] = ()
    """Only these arms, compared with the first of them; all when left out."""
    steps: int = 2000
    """Steps of each run."""
    model: Literal["tiny", "slim", "unet-tiny", "unet"] | None = None
    """Network of the arms that do not name their own, in place of the study's."""
    batch_size: int = 8
    """Groups in a step, as in `train`."""
    long_side: int = 96
    """Of the scenes rendered and the pictures trained on, pixels; `scenes` trains on squares of it."""
    scenes: int = 320
    """Built-in scenes to train on."""
    held_out_scenes: int = 56
    """Built-in scenes to score on; with --held-out, the most to take of it."""
    held_out: Path | None = None
    """Data set whose split `test` is scored on, in place of built-in scenes."""
    data_sets: tuple[str, ...] = ()
    """Of `scenes`: NAME=DIR of each data set to train on (its split `train`)."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """auto: a GPU where there is one."""
    json: bool = False
    """Result as one JSON object on stdout."""

    def __post_init__(self) -> None:
        require(bool(self.seeds) and min(self.seeds) >= 0, "--seeds", "be one or more numbers >= 0", self.seeds)
        require(len(set(self.seeds)) == len(self.seeds), "--seeds", "be different", self.seeds)
        for name in ("steps", "batch_size", "scenes", "held_out_scenes"):
            value = getattr(self, name)
            require(value >= 1, f"--{name.replace('_', '-')}", "be at least 1", value)
        require(self.long_side >= 48, "--long-side", "be at least 48 px", self.long_side)
        named = dict(self.named_data_sets)
        if self.study == "scenes":
            require(len(named) >= 2, "--data-sets", "name two or more, NAME=DIR NAME=DIR", self.data_sets)
            require(self.held_out is not None, "--held-out", "name a data set to score on", self.held_out)
        else:
            require(not named, "--data-sets", "stand with --study scenes alone", self.data_sets)

    @property
    def folder(self) -> Path:
        return self.out or Path(f"out/study-{self.study}")

    @property
    def named_data_sets(self) -> list[tuple[str, Path]]:
        """Raises UserError for words that are not NAME=DIR."""
        pairs = [word.partition("=") for word in self.data_sets]
        for word, (name, _, folder) in zip(self.data_sets, pairs, strict=True):
            require(bool(name and folder), "--data-sets", "be NAME=DIR, such as v2=out/shards", word)
        return [(name, Path(folder)) for name, _, folder in pairs]

    @property
    def held_out_folder(self) -> Path:
        return self.held_out or self.folder / "data" / "held-out"

    @property
    def blurred_references(self) -> Path:
        """References of the training set, blurred on to each target."""
        return self.folder / "data" / "missing-blur"

    def training_folder(self, data_set: str) -> Path:
        """The data set of this name: one that the user named, or the study's own."""
        return dict(self.named_data_sets).get(data_set, self.folder / "data" / "train")


def data_sets(config: ExperimentConfig) -> list[RenderConfig]:
    """What the study renders itself: built-in scenes to train on, and others held out."""
    rendered = []
    if config.study != "scenes":
        rendered.append(_built_in(config, config.training_folder(""), config.scenes, TRAIN_SEED, (1.0, 0.0, 0.0)))
    if config.held_out is None:
        rendered.append(
            _built_in(config, config.held_out_folder, config.held_out_scenes, HELD_OUT_SEED, (0.0, 0.0, 1.0))
        )
    return rendered


def _built_in(
    config: ExperimentConfig, out: Path, scenes: int, seed: int, split: tuple[float, float, float]
) -> RenderConfig:
    return RenderConfig(
        source=SourceConfig(photos=f"builtin:{scenes}", long_side=config.long_side),
        out=out,
        stack=StackConfig(planes=4, levels=3, blur_level_min=1.5, blur_level_max=8.0),
        storage=StorageConfig(samples_per_shard=32, split_fractions=split),
        execution=ExecutionConfig(device=config.device),
        seed=seed,
    )


def base_training(config: ExperimentConfig) -> TrainConfig:
    """The run that arms change; data, folder and seed are filled in for each.

    Depth is exact, as it is where arms are scored; no picture is made without focus point, so no guidance is trained.
    """
    side = config.long_side // _PATCH_PX * _PATCH_PX
    is_square = config.study == "scenes"
    height = side if is_square else max(_PATCH_PX * 2, round(side * 2 / 3 / _PATCH_PX) * _PATCH_PX)
    return TrainConfig(
        dataset=DataConfig(
            data=config.training_folder(""),
            width=side,
            height=height,
            batch_size=config.batch_size,
            targets=2 if config.study.startswith("stacking") else 1,
            aif_share=0.25,
            least_crop=0.5 if is_square else 0.8,
            outside_focus=0.0,
        ),
        out=config.folder,
        model=config.model or ("unet-tiny" if is_square else "tiny"),
        objective=ObjectiveConfig(depth_noise=0.5 if is_square else 0.0, condition_dropout=0.0, time_mean=-1.5),
        optimizer=OptimizerConfig(
            steps=config.steps, learning_rate=2e-3, warmup_steps=min(config.steps // 10, 200), ema_decay=0.99
        ),
        recording=RecordingConfig(save_every=500, sample_every=0, validation_split="none"),
        device=config.device,
    )


def changed(config: TrainConfig, changes: Mapping[str, object]) -> TrainConfig:
    """The run with other settings, by the names of `train`'s flags. Raises UserError for a name that is none."""
    parts = ("dataset", "objective", "optimizer", "recording")
    for name, value in changes.items():
        part = next((part for part in parts if hasattr(getattr(config, part), name)), None)
        if part is None and not hasattr(config, name):
            raise UserError(f"an arm must change settings of `train`, got {name}")
        record: Any = dataclasses.replace(getattr(config, part), **{name: value}) if part else value
        config = dataclasses.replace(config, **{part or name: record})
    return config
