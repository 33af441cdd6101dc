"""Named training runs. A recipe is a function that returns a configuration; flags on the command line go on top."""

from collections.abc import Callable
from pathlib import Path

from pipelines.train.config import DataConfig, ObjectiveConfig, OptimizerConfig, RecordingConfig, TrainConfig


def tiny(data: Path = Path("out/shards"), out: Path = Path("out/train-tiny")) -> TrainConfig:
    """1.4 million weights on 96 x 64 px: minutes on a CPU, for tests and first looks."""
    return TrainConfig(
        dataset=DataConfig(data=data, width=96, height=64),
        out=out,
        recipe="tiny",
        model="tiny",
        objective=ObjectiveConfig(time_mean=-1.5),  # a short run learns most at times near the noise
        optimizer=OptimizerConfig(steps=2000, learning_rate=2e-3, warmup_steps=100, ema_decay=0.99),
        recording=RecordingConfig(save_every=500, sample_every=500),
    )


def slim(data: Path = Path("out/shards"), out: Path = Path("out/train-slim")) -> TrainConfig:
    """34 million weights on 512 x 512 px: a day on one GPU."""
    return TrainConfig(
        dataset=DataConfig(data=data, batch_size=16, workers=8),
        out=out,
        recipe="slim",
        model="slim",
        optimizer=OptimizerConfig(precision="bf16"),
    )


def base(data: Path = Path("out/shards"), out: Path = Path("out/train-base")) -> TrainConfig:
    """134 million weights on 512 x 512 px: several GPUs (`accelerate launch -m pipelines train ...`)."""
    return TrainConfig(
        dataset=DataConfig(data=data, batch_size=16, workers=8),
        out=out,
        recipe="base",
        model="base",
        optimizer=OptimizerConfig(learning_rate=2e-4, precision="bf16", steps=200_000, ema_decay=0.9999),
    )


RECIPES: dict[str, Callable[[], TrainConfig]] = {"tiny": tiny, "slim": slim, "base": base}
"""The configuration that `--recipe NAME` starts from; `default` means the defaults of the flags."""
