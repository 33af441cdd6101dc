"""A short training run on built-in scenes: samples a second, share of the device's arithmetic, memory, loss."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch.utils.flop_counter import FlopCounterMode

from pipelines.bench.memory import resident_bytes
from pipelines.gpu.measured import Measured
from pipelines.model.checkpoint import RunFolder
from pipelines.render.config import ExecutionConfig, RenderConfig, SourceConfig, StorageConfig
from pipelines.render.run import render
from pipelines.train.batches import GroupDataset, PositionSampler, Rank, find_training_shards, open_batches
from pipelines.train.config import RecordingConfig, TrainConfig
from pipelines.train.recipes import slim, tiny
from pipelines.train.run import open_accelerator, open_learner, train
from pipelines.train.step import train_step

TRAINING_S = 60.0
"""Fewer steps where they would take longer."""
DATASHEET_FLOPS = {"H200": 989e12, "H100": 989e12, "A100": 312e12, "L40S": 362e12, "L4": 121e12, "4090": 165e12}
"""Dense bfloat16 products a second by the makers' data sheets (SXM where there are several); by part of the name."""


@dataclass(frozen=True)
class TrainingRow:
    """A run. mfu: arithmetic of model and loss over what the data sheet allows; of_matmul: over a large product's."""

    recipe: str
    precision: str
    steps: int
    groups_per_step: int
    samples_per_s: float
    """Groups a second, each one photo with its targets; the median after the first window."""
    step_ms: float
    tflop_per_step: float
    tflop_per_s: float
    matmul_tflop_per_s: float
    of_matmul: float
    mfu: float | None
    peak_bytes: int
    first_loss: float
    last_loss: float


def measure(device: str) -> Measured:
    """200 steps of `slim` in bfloat16, or as many as a minute allows; in miniature 6 steps of a small `tiny`."""
    with TemporaryDirectory(prefix="refocus-training-") as name:
        folder = Path(name)
        row = _row(_config(folder, device), device)
    wrong = [] if row.last_loss < row.first_loss else [f"loss {row.first_loss:.3g} -> {row.last_loss:.3g}: not lower"]
    return Measured.from_records({"Training on built-in scenes": [row]}, wrong if device == "cuda" else [])


def _config(folder: Path, device: str) -> TrainConfig:
    """The recipe on a data set that is rendered here."""
    on_gpu = device == "cuda"
    scenes, long_side = (64, 768) if on_gpu else (4, 64)
    render(
        RenderConfig(
            source=SourceConfig(photos=f"builtin:{scenes}", long_side=long_side),
            out=folder / "data",
            storage=StorageConfig(samples_per_shard=max(2, scenes // 4), split_fractions=(1.0, 0.0, 0.0)),
            execution=ExecutionConfig(executor="inline", device="cuda" if on_gpu else "cpu"),
        )
    )
    config = slim if on_gpu else tiny
    data = replace(config.dataset, data=folder / "data", workers=config.dataset.workers if on_gpu else 0)
    steps, window = (200, 20) if on_gpu else (6, 2)
    return replace(
        config,
        dataset=data if on_gpu else replace(data, width=48, height=32, batch_size=2),
        out=folder / "run",
        optimizer=replace(config.optimizer, steps=steps, warmup_steps=steps // 10, precision="bf16"),
        recording=RecordingConfig(save_every=steps, log_every=window, sample_every=0),
        device="cuda" if on_gpu else "cpu",
    )


def _row(config: TrainConfig, device: str) -> TrainingRow:
    flop = _flop_per_step(config)
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
    last_step = _trained(config)
    peak = torch.cuda.max_memory_allocated() if device == "cuda" else resident_bytes("VmHWM")
    loss, step_s = _scalars(config, "loss/flow"), _step_s(config)
    matmul = _matmul_flops(device)
    return TrainingRow(
        recipe=config.recipe,
        precision=config.optimizer.precision,
        steps=last_step,
        groups_per_step=config.dataset.batch_size,
        samples_per_s=config.dataset.batch_size / step_s,
        step_ms=1e3 * step_s,
        tflop_per_step=flop / 1e12,
        tflop_per_s=flop / step_s / 1e12,
        matmul_tflop_per_s=matmul / 1e12,
        of_matmul=flop / step_s / matmul,
        mfu=_mfu(flop / step_s, torch.cuda.get_device_name() if device == "cuda" else ""),
        peak_bytes=peak,
        first_loss=loss[0],
        last_loss=loss[-1],
    )


def _trained(config: TrainConfig) -> int:
    """Two windows of steps, then on to the last step for which there is time. Returns the step."""
    first = 2 * config.recording.log_every
    train(replace(config, max_steps=first))
    last = min(config.optimizer.steps, max(first, int(TRAINING_S / _step_s(config))))
    if last > first:
        train(replace(config, max_steps=last))
    return last


def _step_s(config: TrainConfig) -> float:
    """Median over the windows after the first."""
    return config.dataset.batch_size / statistics.median(_scalars(config, "data/groups_per_second")[1:])


def _scalars(config: TrainConfig, name: str) -> list[float]:
    recorded = EventAccumulator(str(config.out / "tensorboard"))
    recorded.Reload()
    return [event.value for event in recorded.Scalars(name)]


def _flop_per_step(config: TrainConfig) -> float:
    """Multiplications and additions of one step, forward and backward, counted by torch."""
    data = replace(config.dataset, workers=0)
    dataset = GroupDataset(find_training_shards(data), data, config.objective, config.seed)
    learner, _ = open_learner(config, open_accelerator(config), RunFolder(config.out))
    positions = PositionSampler(dataset.samples, data.batch_size, Rank(), first=0, count=1)
    (batch,) = open_batches(dataset, positions, data)
    with FlopCounterMode(display=False) as counter:
        train_step(learner, [batch], 0, config, lambda: 0)
    return float(counter.get_total_flops())


def _matmul_flops(device: str) -> float:
    """Operations a second of a large product in bfloat16, the best of five."""
    side = 8192 if device == "cuda" else 256
    one = torch.ones(side, side, dtype=torch.bfloat16, device=device)
    seconds = []
    for _ in range(6):
        start = time.perf_counter()
        _ = float((one @ one)[0, 0])  # waits for the device
        seconds.append(time.perf_counter() - start)
    return 2 * side**3 / min(seconds[1:])


def _mfu(flop_per_s: float, name: str) -> float | None:
    peak = next((flops for part, flops in DATASHEET_FLOPS.items() if part in name), None)
    return flop_per_s / peak if peak else None
