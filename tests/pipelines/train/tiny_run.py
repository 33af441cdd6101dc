"""Data sets and training runs that take seconds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pipelines.render.config import ExecutionConfig, RenderConfig, SourceConfig, StackConfig, StorageConfig
from pipelines.train.batch import Batch
from pipelines.train.config import DataConfig, ObjectiveConfig, OptimizerConfig, RecordingConfig, TrainConfig


def render_scenes(out: Path, scenes: int = 5, *, seed: int = 1342, long_side: int = 64, planes: int = 3) -> Path:
    """Built-in scenes with two blur levels, in shards of two, all in train; the first five of the seed are 3:2."""
    from pipelines.render.run import render

    render(
        RenderConfig(
            source=SourceConfig(photos=f"builtin:{scenes}", long_side=long_side),
            out=out,
            stack=StackConfig(planes=planes, levels=2, blur_level_min=4.0, blur_level_max=12.0),
            storage=StorageConfig(samples_per_shard=2, split_fractions=(1.0, 0.0, 0.0)),
            execution=ExecutionConfig(device="cpu", executor="inline"),
            seed=seed,
        )
    )
    return out


def tiny_config(data: Path, out: Path, *, steps: int = 4, **changes: Any) -> TrainConfig:
    """48 x 32 px, two groups a batch; `changes` go to whichever record has the name."""
    config = TrainConfig(
        dataset=DataConfig(data=data, width=48, height=32, batch_size=2, shuffle_window=4),
        out=out,
        model="tiny",
        optimizer=OptimizerConfig(steps=steps, learning_rate=1e-3, warmup_steps=2, ema_decay=0.9),
        recording=RecordingConfig(save_every=1000, log_every=1, sample_every=0),
        device="cpu",
    )
    for name, value in changes.items():
        for part in ("dataset", "objective", "optimizer", "performance", "recording"):
            if hasattr(getattr(config, part), name):
                config = replace(config, **{part: replace(getattr(config, part), **{name: value})})
                break
        else:
            config = replace(config, **{name: value})
    return config


def make_batch(groups: int = 2, frames: int = 2, height: int = 16, width: int = 24, seed: int = 0) -> Batch:
    """Random pictures over a disparity ramp; nothing is withheld."""
    draws = np.random.default_rng(seed)

    def uniform(low: float, high: float, *shape: int) -> torch.Tensor:
        return torch.from_numpy(draws.uniform(low, high, shape).astype(np.float32))

    planes = torch.tensor([[0.2, 0.8, 0.5][:frames]] * groups)
    ramp = torch.linspace(0, 1, width).expand(groups, height, width).contiguous()
    return Batch(
        keys=tuple(f"{number:08d}" for number in range(groups)),
        reference=uniform(-1, 1, groups, 3, height, width),
        aif=uniform(-1, 1, groups, 3, height, width),
        disparity=ramp,
        given_disparity=ramp,
        targets=uniform(-1, 1, groups, frames, 3, height, width),
        focus_point=uniform(0, 1, groups, frames, 2),
        point_disparity=planes,
        focus_disparity=planes,
        blur_level=torch.full((groups,), 8.0),
        blur_scale_px=torch.full((groups,), 0.08 * width),
        own_focus_disparity=torch.full((groups,), 0.5),
        own_blur_scale_px=torch.full((groups,), 4.0),
        told_focus_disparity=torch.full((groups,), 0.5),
        told_blur_scale_px=torch.full((groups,), 4.0),
        time=uniform(0.2, 0.8, groups),
        noise=uniform(-1, 1, groups, frames, 3, height, width),
        is_depth_dropped=torch.zeros(groups, dtype=torch.bool),
        is_unconditional=torch.zeros(groups, dtype=torch.bool),
        is_own_dropped=torch.zeros(groups, dtype=torch.bool),
        is_labeled=torch.ones(groups, dtype=torch.bool),
    )


PLAIN = ObjectiveConfig(stack_weight=1.0, depth_dropout=0.0, condition_dropout=0.0)
