"""Named training runs: the configurations that `--recipe NAME` starts from; flags on the command line go on top."""

from dataclasses import replace
from pathlib import Path

from pipelines.train.config import DataConfig, ObjectiveConfig, OptimizerConfig, RecordingConfig, TrainConfig

_DATA = Path("out/shards")

tiny = TrainConfig(
    dataset=DataConfig(data=_DATA, width=96, height=64),
    out=Path("out/train-tiny"),
    recipe="tiny",
    model="tiny",
    optimizer=OptimizerConfig(steps=2000, learning_rate=2e-3, warmup_steps=100, ema_decay=0.99),
    recording=RecordingConfig(save_every=500, sample_every=500, validate_every=500, validation_items=32),
)
"""1.4 million weights on 96 x 64 px: minutes on a CPU, for tests and first looks."""

slim = TrainConfig(
    dataset=DataConfig(data=_DATA, batch_size=16, workers=8),
    out=Path("out/train-slim"),
    recipe="slim",
    model="slim",
    optimizer=OptimizerConfig(precision="bf16"),
)
"""34 million weights on 512 x 512 px: a day on one GPU."""

base = replace(
    slim,
    out=Path("out/train-base"),
    recipe="base",
    model="base",
    optimizer=OptimizerConfig(learning_rate=2e-4, precision="bf16", steps=200_000, ema_decay=0.9999),
)
"""134 million weights on 512 x 512 px: several GPUs (`accelerate launch -m pipelines train ...`)."""

sharpen = TrainConfig(
    dataset=DataConfig(data=_DATA, width=96, height=96, targets=1, aif_share=0.1, outside_focus=0.0, redraw_focus=0.0),
    out=Path("out/train-sharpen"),
    recipe="sharpen",
    model="unet",
    objective=ObjectiveConfig(
        predict="photo", noise="none", depth_dropout=0.1, depth_noise=0.3, photo_noise=3.0, condition_dropout=0.0
    ),
    optimizer=OptimizerConfig(steps=6000, learning_rate=8e-4, warmup_steps=100, clip_norm=0.2, ema_decay=0.998),
    recording=RecordingConfig(save_every=250, log_every=50, sample_every=500),
)
"""2.9 million weights on 96 x 96 px: the all-in-focus photo from a frame, for `refocus`; 76 minutes on a CPU core."""

RECIPES = {"tiny": tiny, "slim": slim, "base": base, "sharpen": sharpen}
"""By name; `default` means the defaults of the flags."""
