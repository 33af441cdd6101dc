"""Settings of the experiment, and its two variants."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pipelines.errors import require
from pipelines.render.config import ExecutionConfig, RenderConfig, SourceConfig, StackConfig, StorageConfig
from pipelines.train.config import DataConfig, ObjectiveConfig, OptimizerConfig, RecordingConfig, TrainConfig


@dataclass(frozen=True)
class ExperimentConfig:
    """Train with and without the stacking constraint, score both on held-out scenes; the same command resumes."""

    variant: Literal["tiny", "gpu"] = "tiny"
    """tiny: a CPU and a quarter of an hour. gpu: one data-center GPU and ten minutes."""
    out: Path | None = None
    """Folder of data, runs, table and grid; out/experiment-VARIANT when left out."""
    stack_weights: tuple[float, ...] = (0.0, 4.0, 40.0)
    """One run for each weight of the constraint; the first is what the others are compared with."""
    stack_target: Literal["frames", "aif"] = "frames"
    """Target of the constraint, as in `train`."""
    stack_time: Literal["signal", "flat"] = "signal"
    """Weight of the constraint over time, as in `train`."""
    stack_softness_px: float = 0.5
    """Tau, as in `train`."""
    steps: int | None = None
    """Steps of each run, in place of the variant's."""
    seed: int = 0
    """Seed of scenes, weights, order and noise; the same for every run."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """auto: a GPU where there is one."""
    json: bool = False
    """Result as one JSON object on stdout."""

    def __post_init__(self) -> None:
        weights = self.stack_weights
        require(bool(weights) and min(weights) >= 0, "--stack-weights", "be one or more numbers >= 0", weights)
        require(len(set(weights)) == len(weights), "--stack-weights", "be different", weights)
        require(self.steps is None or self.steps >= 1, "--steps", "be at least 1", self.steps)

    @property
    def folder(self) -> Path:
        return self.out or Path(f"out/experiment-{self.variant}")

    def run(self, stack_weight: float) -> Path:
        """Folder of one run, named by its settings, so that other settings make other runs."""
        kind = "" if stack_weight == 0 else f"-{self.stack_target}-{self.stack_time}-{self.stack_softness_px:g}px"
        return self.folder / f"lambda-{stack_weight:g}{kind}"


def scenes(config: ExperimentConfig) -> RenderConfig:
    """The data set: built-in scenes, most for training, the rest (`test`) held out."""
    tiny = config.variant == "tiny"
    return RenderConfig(
        source=SourceConfig(photos="builtin:110" if tiny else "builtin:600", long_side=72 if tiny else 384),
        out=config.folder / "data",
        stack=StackConfig(planes=4, levels=3, blur_level_min=4.0, blur_level_max=16.0),
        storage=StorageConfig(samples_per_shard=32, split_fractions=(0.84, 0.0, 0.16)),
        execution=ExecutionConfig(device=config.device, executor="auto" if tiny else "ray"),
        seed=config.seed,
    )


def training(config: ExperimentConfig, stack_weight: float) -> TrainConfig:
    """One training run; runs differ only in the weight of the constraint."""
    tiny = config.variant == "tiny"
    data = config.folder / "data"
    steps = config.steps or (800 if tiny else 6000)
    objective = ObjectiveConfig(
        stack_weight=stack_weight,
        stack_softness_px=config.stack_softness_px,
        stack_target=config.stack_target,
        stack_time=config.stack_time,
        # Reference and depth nearly determine the picture; times near 1 teach little, so most times are near the noise.
        time_mean=-1.5,
    )
    return TrainConfig(
        dataset=DataConfig(data=data, width=72, height=48, batch_size=4, aif_share=0.75, least_crop=0.8)
        if tiny
        else DataConfig(data=data, width=384, height=256, batch_size=16, workers=12),
        out=config.run(stack_weight),
        model="tiny" if tiny else "slim",
        objective=objective,
        optimizer=OptimizerConfig(
            steps=steps,
            learning_rate=2e-3 if tiny else 6e-4,
            warmup_steps=min(steps // 10, 500),
            ema_decay=0.99 if tiny else 0.999,
            precision="fp32" if tiny else "bf16",
        ),
        recording=RecordingConfig(save_every=250 if tiny else 1000, sample_every=0),
        seed=config.seed,
        device=config.device,
    )
