"""The steps themselves: read, predict, descend, average; scalars, pictures and checkpoints on the way.

accelerate brings mixed precision, gradient accumulation and several processes. No state is hidden: everything random
belongs to the items (group.py), the learning rate to the step; so a checkpoint and a number of batches is all there is.
"""

from __future__ import annotations

import dataclasses
import logging
import math
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import torch
from accelerate import Accelerator
from accelerate.utils import gather_object
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from pipelines.errors import UserError
from pipelines.model.checkpoint import RunFolder, TrainingState
from pipelines.runs.interruption import Interrupted, deferred_signals
from pipelines.runs.progress_bar import ProgressBar
from pipelines.train.batches import Batch, GroupDataset, Places, Rank, open_batches
from pipelines.train.checkpoint import remove_old_checkpoints, save_checkpoint
from pipelines.train.config import OptimizerConfig, TrainConfig
from pipelines.train.objective import Losses, losses
from pipelines.train.pictures import write_pictures
from pipelines.train.scalars import Scalars

_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Learner:
    """What is being trained, as it lies in memory; its tensors change with every step."""

    accelerator: Accelerator
    model: nn.Module  # as accelerate wraps it
    optimizer: torch.optim.Optimizer  # likewise
    average: AveragedModel

    @property
    def bare_model(self) -> nn.Module:
        """The model without accelerate's wrapping."""
        return self.accelerator.unwrap_model(self.model)


@dataclass
class _Tally:
    """Sums over the batches since scalars were written."""

    flow: float = 0.0
    stack: float = 0.0
    batches: int = 0
    since: float = dataclasses.field(default_factory=time.monotonic)


@dataclass(frozen=True)
class _Report:
    """One batch, over all processes: means of the losses, samples dropped, the signal to stop for or 0."""

    flow: float
    stack: float
    dropped: int
    stop: int


def train_steps(
    config: TrainConfig, learner: Learner, dataset: GroupDataset, state: TrainingState, folder: RunFolder
) -> TrainingState:
    """Train from `state` to `config.last_step`. Returns how far the run has come; that step has a checkpoint.

    Raises UserError: losses that are not finite, too many damaged samples. Raises Interrupted on SIGINT and SIGTERM,
    after the step at hand and with a checkpoint.
    """
    accelerator = learner.accelerator
    batches = iter(_batches(config, accelerator, dataset, state))
    tally = _Tally()
    learner.model.train()
    with (
        closing(Scalars(folder.run / "tensorboard", state.step, is_off=not accelerator.is_main_process)) as scalars,
        deferred_signals() as pending_signal,
        ProgressBar("train", "steps", config.last_step, done=state.step, is_shown=accelerator.is_main_process) as bar,
    ):
        while state.step < config.last_step:
            stop, gradient = 0, 0.0
            for _ in range(config.optimizer.accumulate):
                batch = next(batches).to(accelerator.device)
                report, gradient = _descend(config, learner, batch, state, pending_signal)
                state = _counted(state, batch, report, config, accelerator, dataset.samples)
                tally.flow, tally.stack = tally.flow + report.flow, tally.stack + report.stack
                tally.batches += 1
                stop = stop or report.stop
            state = dataclasses.replace(state, step=state.step + 1)
            learner.average.update_parameters(learner.bare_model)
            bar.advance()
            bar.note(f"loss {tally.flow / tally.batches:.4f}")
            if state.step % config.recording.log_every == 0:
                tally = _write_scalars(scalars, config, state, tally, gradient, accelerator)
            if _is_due(state.step, config.recording.sample_every, config.last_step) and accelerator.is_main_process:
                _draw(config, learner, dataset, state, folder, scalars)
            if stop or _is_due(state.step, config.recording.save_every, config.last_step):
                _save(config, learner, state, folder)
            if stop:
                _log.info("interrupted at step %d, with a checkpoint; the same command resumes", state.step)
                raise Interrupted(stop)
    return state


def learning_rate(step: int, config: OptimizerConfig) -> float:
    """Of step 0, 1, ...: a ramp over the warm-up, then half a cosine that ends at 0 behind the last step."""
    if step < config.warmup_steps:
        return config.learning_rate * (step + 1) / config.warmup_steps
    share = (step - config.warmup_steps) / max(1, config.steps - config.warmup_steps)
    return config.learning_rate * 0.5 * (1.0 + math.cos(math.pi * share))


def _batches(
    config: TrainConfig, accelerator: Accelerator, dataset: GroupDataset, state: TrainingState
) -> Iterator[Batch]:
    rank = Rank(accelerator.process_index, accelerator.num_processes)
    count = (config.last_step - state.step) * config.optimizer.accumulate
    places = Places(dataset.samples, config.dataset.batch_size, rank, first=state.batches, count=count)
    return iter(open_batches(dataset, places, config.dataset))


def _descend(
    config: TrainConfig, learner: Learner, batch: Batch, state: TrainingState, pending_signal: Callable[[], int]
) -> tuple[_Report, float]:
    """One batch; a step of the optimizer when it is the last of the accumulated. Also the gradient's length."""
    accelerator, model = learner.accelerator, learner.model
    gradient = 0.0
    with accelerator.accumulate(model):
        result = losses(model, batch, config.objective)
        report = _agreed(accelerator, result, batch, pending_signal)
        if not math.isfinite(report.flow + report.stack):
            _stop_at_nan(accelerator, result, batch, state)
        accelerator.backward(result.total)
        if accelerator.sync_gradients:
            gradient = float(accelerator.clip_grad_norm_(model.parameters(), config.optimizer.clip_norm))
            if not math.isfinite(gradient):
                _stop_at_nan(accelerator, result, batch, state)
            for group in learner.optimizer.param_groups:
                group["lr"] = learning_rate(state.step, config.optimizer)
        learner.optimizer.step()
        learner.optimizer.zero_grad()
    return report, gradient


def _agreed(accelerator: Accelerator, result: Losses, batch: Batch, pending_signal: Callable[[], int]) -> _Report:
    """The batch as all processes see it: they must stop at the same step, or the others wait for ever."""
    asked = pending_signal()
    mine = torch.stack([result.flow.float(), result.stack.float(), *_numbers(result.flow, len(batch.dropped), asked)])
    summed: Tensor = accelerator.reduce(mine, "sum")
    flow, stack, dropped, stop = (summed / accelerator.num_processes).tolist()
    # Another process may have been the one that got the signal.
    return _Report(flow, stack, round(dropped * accelerator.num_processes), asked or (signal.SIGTERM if stop else 0))


def _numbers(like: Tensor, *values: float) -> list[Tensor]:
    return [torch.tensor(float(value), device=like.device) for value in values]


def _stop_at_nan(accelerator: Accelerator, result: Losses, batch: Batch, state: TrainingState) -> None:
    """Raise on every process, with the keys of the batches whose own loss is not finite, or of all."""
    is_mine = not bool(torch.isfinite(result.total))
    found = [(is_mine, batch.keys)]
    every = gather_object(found) if accelerator.num_processes > 1 else found
    guilty = [key for is_bad, keys in every if is_bad for key in keys] or [key for _, keys in every for key in keys]
    raise UserError(
        f"loss and gradient must be finite, got {float(result.total.detach())} in step {state.step} with samples "
        f"{', '.join(guilty)}; look at them with `refocus-foundry preview`, or lower --learning-rate and begin anew; "
        "the last checkpoint is kept",
        exit_code=1,
    )


def _counted(
    state: TrainingState, batch: Batch, report: _Report, config: TrainConfig, accelerator: Accelerator, samples: int
) -> TrainingState:
    """TrainingState after a batch. Raises UserError when too much was damaged."""
    for complaint in batch.dropped:
        _log.warning("passed over: %s", complaint)
    seen = state.samples + len(batch.keys) * accelerator.num_processes
    dropped = state.dropped + report.dropped
    share = config.dataset.max_dropped_fraction
    if dropped > share * max(seen, samples):
        first = f"the last: {batch.dropped[-1]}; " if batch.dropped else ""
        raise UserError(
            f"at most --max-dropped-fraction {share} of the samples may be damaged, got {dropped} in {seen}; {first}"
            f"run `refocus-foundry verify {config.dataset.data}`",
            exit_code=1,
        )
    levels = accelerator.gather(batch.blur_level)
    return dataclasses.replace(
        state,
        batches=state.batches + 1,
        samples=seen,
        dropped=dropped,
        blur_level_min=min(state.blur_level_min, float(levels.min())),
        blur_level_max=max(state.blur_level_max, float(levels.max())),
    )


def _is_due(step: int, every: int, last: int) -> bool:
    return every > 0 and (step % every == 0 or step == last)


def _write_scalars(
    scalars: Scalars,
    config: TrainConfig,
    state: TrainingState,
    tally: _Tally,
    gradient: float,
    accelerator: Accelerator,
) -> _Tally:
    """Write the means since the last time; returns an empty tally."""
    seconds = max(1e-9, time.monotonic() - tally.since)
    groups = tally.batches * config.dataset.batch_size * accelerator.num_processes
    scalars.write(
        state.step,
        {
            "loss/flow": tally.flow / tally.batches,
            "loss/stack": tally.stack / tally.batches,
            "loss/total": (tally.flow + config.objective.stack_weight * tally.stack) / tally.batches,
            "optimizer/learning_rate": learning_rate(state.step - 1, config.optimizer),
            "optimizer/gradient_norm": gradient,
            "data/samples": state.samples,
            "data/dropped": state.dropped,
            "data/groups_per_second": groups / seconds,
        },
    )
    return _Tally()


def _draw(
    config: TrainConfig,
    learner: Learner,
    dataset: GroupDataset,
    state: TrainingState,
    folder: RunFolder,
    scalars: Scalars,
) -> Path:
    path = folder.run / "pictures" / f"{state.step:08d}.png"
    picture = write_pictures(learner.average.module, dataset, learner.accelerator.device, path, step=state.step)
    scalars.picture(state.step, "refocused", picture)
    return path


def _save(config: TrainConfig, learner: Learner, state: TrainingState, folder: RunFolder) -> None:
    if learner.accelerator.is_main_process:
        save_checkpoint(folder, learner.bare_model, learner.average, learner.optimizer, state)
        remove_old_checkpoints(folder, config.recording.keep)
    learner.accelerator.wait_for_everyone()
