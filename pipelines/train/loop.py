"""The training loop: batches, optimizer steps, averaged weights; scalars, pictures and checkpoints on the way.

accelerate brings mixed precision, gradient accumulation and several processes. The loop has no hidden state: all
randomness belongs to the samples (group.py) and the learning rate to the step. A checkpoint and the number of batches
read are therefore enough to resume.
"""

import dataclasses
import itertools
import logging
from collections.abc import Iterator
from contextlib import closing

from accelerate import Accelerator

from pipelines.errors import UserError
from pipelines.model.checkpoint import RunFolder, TrainingState
from pipelines.runs.interruption import Interrupted, deferred_signals
from pipelines.runs.progress_bar import ProgressBar
from pipelines.train.batch import PackedBatch
from pipelines.train.batches import GroupDataset, PositionSampler, Rank, open_batches
from pipelines.train.checkpoint import remove_old_checkpoints, save_checkpoint
from pipelines.train.config import TrainConfig
from pipelines.train.recording import Recorder
from pipelines.train.step import Learner, StepResult, train_step
from pipelines.train.validation import Validation

_log = logging.getLogger(__name__)


def train_steps(
    config: TrainConfig,
    learner: Learner,
    dataset: GroupDataset,
    validation: Validation | None,
    state: TrainingState,
    folder: RunFolder,
) -> TrainingState:
    """Train from `state` to `config.last_step`. Returns the state after the last step, which has a checkpoint.

    Raises UserError: losses that are not finite, too many damaged samples. Raises Interrupted on SIGINT and SIGTERM,
    after the current step and its checkpoint.
    """
    accelerator, recording = learner.accelerator, config.recording
    batches = _batches(config, accelerator, dataset, state)
    learner.model.train()
    with (
        closing(Recorder(config, learner, folder, state)) as recorder,
        deferred_signals() as pending_signal,
        ProgressBar("train", "steps", config.last_step, done=state.step, is_shown=accelerator.is_main_process) as bar,
    ):
        while state.step < config.last_step:
            read = list(itertools.islice(batches, config.optimizer.accumulate))
            result = train_step(learner, read, state.step, config, pending_signal)
            state, stop_signal = _counted(state, result, config, dataset.samples), result.stop_signal
            recorder.add(result)
            bar.advance()
            bar.note(recorder.note())
            if state.step % recording.log_every == 0:
                recorder.write_scalars(state)
            if _is_due(state.step, recording.sample_every, config.last_step):
                recorder.draw_pictures(dataset, state.step)
            if validation and _is_due(state.step, recording.validate_every, config.last_step):
                recorder.validate(validation, state)
            if stop_signal or _is_due(state.step, recording.save_every, config.last_step):
                _save(config, learner, state, folder)
            if stop_signal:
                raise Interrupted(stop_signal)
    return state


def _batches(
    config: TrainConfig, accelerator: Accelerator, dataset: GroupDataset, state: TrainingState
) -> Iterator[PackedBatch]:
    rank = Rank(accelerator.process_index, accelerator.num_processes)
    count = (config.last_step - state.step) * config.optimizer.accumulate
    positions = PositionSampler(dataset.samples, config.dataset.batch_size, rank, first=state.batches, count=count)
    return open_batches(dataset, positions, config.dataset)


def _counted(state: TrainingState, result: StepResult, config: TrainConfig, samples: int) -> TrainingState:
    """The state after a step. Raises UserError when too many samples were damaged."""
    for complaint in result.complaints:
        _log.warning("damaged sample skipped: %s", complaint)
    seen = state.samples + result.samples
    dropped = state.dropped + result.dropped
    limit = config.dataset.max_dropped_fraction
    if dropped > limit * max(seen, samples):
        last = f"the last: {result.complaints[-1]}; " if result.complaints else ""
        raise UserError(
            f"at most --max-dropped-fraction {limit} of the samples may be damaged, got {dropped} in {seen}; {last}"
            f"run `refocus-foundry verify {config.dataset.data}`",
            exit_code=1,
        )
    return dataclasses.replace(
        state,
        step=state.step + 1,
        batches=state.batches + config.optimizer.accumulate,
        samples=seen,
        dropped=dropped,
        blur_level_min=min(state.blur_level_min, result.blur_level_min),
        blur_level_max=max(state.blur_level_max, result.blur_level_max),
    )


def _is_due(step: int, every: int, last: int) -> bool:
    return every > 0 and (step % every == 0 or step == last)


def _save(config: TrainConfig, learner: Learner, state: TrainingState, folder: RunFolder) -> None:
    if learner.accelerator.is_main_process:
        save_checkpoint(folder, learner.bare_model, learner.average, learner.optimizer, state)
        remove_old_checkpoints(folder, config.recording.keep)
    learner.accelerator.wait_for_everyone()
