"""`train`: builds or resumes model, optimizer and averaged weights, trains them on shards, reports the result."""

import dataclasses
import hashlib
import logging
import time
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import accelerate
import torch
from accelerate.state import AcceleratorState
from torch import nn

from pipelines.errors import UserError
from pipelines.model.checkpoint import RunFolder, TrainingState
from pipelines.model.ema import averaged
from pipelines.model.initial_weights import load_initial_weights
from pipelines.model.networks import PATCH_PX, blocks_of, new_network
from pipelines.runs.device import resolve_device
from pipelines.runs.interruption import Interrupted, interruptible
from pipelines.runs.lock import run_lock
from pipelines.runs.settings import Settings
from pipelines.runs.verb_result import VerbResult
from pipelines.train.batches import GroupDataset, find_training_shards
from pipelines.train.checkpoint import begin_or_resume, load_checkpoint
from pipelines.train.config import TrainConfig
from pipelines.train.loop import train_steps
from pipelines.train.step import Learner
from pipelines.train.validation import Validation, open_validation
from shards import ShardFile
from shards.foreign_file import foreign_size

_log = logging.getLogger(__name__)
_WITHOUT_EFFECT = ("out", "recipe", "performance", "recording", "max_steps", "device", "force", "json")
_ABSENT_AT_DEFAULT = {"labeled_scenes": 0, "mislabeled": 0.0, "blurred_references": "", "init_weights": ""}
"""Settings of studies and of warm starts: other runs do not name them."""
_DATA_WITHOUT_EFFECT = ("data", "workers", "max_dropped_fraction", "verify")


@dataclass(frozen=True)
class TrainResult(VerbResult):
    """Result of a training run."""

    out: str
    checkpoint: str
    model: str
    weights: int
    step: int
    samples: int
    dropped: int
    seconds: float
    best: str
    """The checkpoint that scored best on held-out scenes; empty without any."""

    def summary(self) -> str:
        """One line for people."""
        dropped = f", {self.dropped} damaged samples skipped" if self.dropped else ""
        return (
            f"{self.checkpoint}: step {self.step}, {self.model} with {self.weights / 1e6:.3g} million weights, "
            f"{self.samples} samples read{dropped}, {self.seconds:.0f} s"
            + (f"; the best on held-out scenes: {self.best}" if self.best else "")
        )


def train(config: TrainConfig) -> TrainResult:
    """Train, or resume. Raises UserError for input the user can correct; existing checkpoints stay."""
    shards = find_training_shards(config.dataset)
    check_picture(config)
    validation = open_validation(config)
    accelerator = open_accelerator(config)
    folder = RunFolder(config.out)
    is_main = accelerator.is_main_process
    if is_main:
        folder.meta.mkdir(parents=True, exist_ok=True)
    lock = run_lock(folder.meta, force=config.force) if is_main else nullcontext()
    with interruptible(), lock:
        if is_main:
            begin_or_resume(folder, settings_of(config, shards, accelerator.num_processes))
        accelerator.wait_for_everyone()
        return _train(config, shards, validation, accelerator, folder)


def _train(
    config: TrainConfig,
    shards: list[ShardFile],
    validation: Validation | None,
    accelerator: accelerate.Accelerator,
    folder: RunFolder,
) -> TrainResult:
    learner, state = open_learner(config, accelerator, folder)
    dataset = GroupDataset(shards, config.dataset, config.objective, config.seed)
    started = time.monotonic()
    if state.step >= config.last_step:
        _log.info("%s is at step %d already", config.out, state.step)
    try:
        state = train_steps(config, learner, dataset, validation, state, folder)
    except Interrupted as interrupted:
        raise UserError(
            f"{config.out}: interrupted, with a checkpoint; the same command resumes", interrupted.exit_code
        ) from None
    return TrainResult(
        out=str(config.out),
        checkpoint=str(folder.latest()),
        model=config.model,
        weights=sum(weight.numel() for weight in learner.bare_model.parameters()),
        step=state.step,
        samples=state.samples,
        dropped=state.dropped,
        seconds=round(time.monotonic() - started, 1),
        best=str(folder.best() or ""),
    )


def open_accelerator(config: TrainConfig) -> accelerate.Accelerator:
    """One process, or one of several when started by `accelerate launch` or `torchrun`."""
    device = resolve_device(config.device)
    torch.set_float32_matmul_precision("high" if config.performance.tf32 and device == "cuda" else "highest")
    AcceleratorState._reset_state(reset_partial_state=False)  # accelerate keeps one precision for a whole process
    return accelerate.Accelerator(
        cpu=device == "cpu",
        mixed_precision="bf16" if config.optimizer.precision == "bf16" else "no",
        gradient_accumulation_steps=config.optimizer.accumulate,
    )


def open_learner(
    config: TrainConfig, accelerator: accelerate.Accelerator, folder: RunFolder
) -> tuple[Learner, TrainingState]:
    """Model, optimizer and average of the newest checkpoint, or new ones.

    Raises UserError for files damaged, or weights of another model.
    """
    latest = folder.latest()
    model = new_model(config)
    if config.init_weights and not latest:
        load_initial_weights(config.init_weights, model)
    average = averaged(model, config.optimizer.ema_decay)
    model = model.to(accelerator.device)
    average.module.to(accelerator.device)
    optimizer = torch.optim.AdamW(
        _weight_groups(model, config),
        lr=config.optimizer.learning_rate,
        betas=(0.9, 0.95),
        fused=accelerator.device.type == "cuda",
    )
    state = load_checkpoint(latest, model, average, optimizer) if latest else TrainingState()
    for block in blocks_of(model):
        block.is_checkpointed = config.performance.checkpoint_blocks
        if config.performance.compile:
            block.compile()
    prepared_model, prepared_optimizer = accelerator.prepare(model, optimizer)
    return Learner(accelerator, prepared_model, prepared_optimizer, average), state


def new_model(config: TrainConfig) -> nn.Module:
    """A model with random weights drawn from the seed; torch's global generator is restored."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        return new_network(config.model, config.objective.predict)


def _weight_groups(model: nn.Module, config: TrainConfig) -> list[dict[str, Any]]:
    """Weight decay for matrices; none for biases, norms and single tokens."""
    matrices = [weight for weight in model.parameters() if weight.ndim >= 2]
    others = [weight for weight in model.parameters() if weight.ndim < 2]
    return [
        {"params": matrices, "weight_decay": config.optimizer.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]


def check_picture(config: TrainConfig) -> None:
    """Raise UserError unless the sides of the picture are multiples of the patch."""
    patch = PATCH_PX[config.model]
    data = config.dataset
    if data.width % patch or data.height % patch:
        near = f"{max(1, round(data.width / patch)) * patch} and {max(1, round(data.height / patch)) * patch}"
        raise UserError(
            f"--width and --height must be multiples of {patch} px for --model {config.model}; got {data.width} and "
            f"{data.height}, try {near}"
        )


def settings_of(config: TrainConfig, shards: list[ShardFile], processes: int) -> Settings:
    """Every setting that decides the weights, flat and in JSON types; keys are the flags' names."""
    flat: Settings = {}
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if field.name in _WITHOUT_EFFECT:
            continue
        part = (
            dataclasses.asdict(value)
            if dataclasses.is_dataclass(value) and not isinstance(value, type)
            else {field.name: value}
        )
        part = {name: str(knob or "") if name == "init_weights" else knob for name, knob in part.items()}
        flat.update({name: knob for name, knob in part.items() if name not in _DATA_WITHOUT_EFFECT})
    for name, default in _ABSENT_AT_DEFAULT.items():
        if flat[name] == default:
            del flat[name]
    return flat | {"processes": processes, "data_sha256": data_sha256(shards)}


def data_sha256(shards: list[ShardFile]) -> str:
    """SHA-256 over names, samples and bytes of the shards, independent of their folder."""
    listed = [f"{shard.path.name} {shard.samples} {foreign_size(shard.path)}" for shard in shards]
    return hashlib.sha256("\n".join(listed).encode()).hexdigest()
