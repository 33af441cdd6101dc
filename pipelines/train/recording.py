"""Records of a run: scalars and pictures for TensorBoard, in RUN/tensorboard and RUN/pictures; the best checkpoint."""

import dataclasses
import hashlib
import json
import logging
import math
import resource
import sys
import time
from collections.abc import Mapping

import torch
from accelerate.tracking import WandBTracker
from accelerate.utils import is_wandb_available
from torch.utils.tensorboard import SummaryWriter

from pipelines.errors import UserError
from pipelines.model.checkpoint import RunFolder, TrainingState
from pipelines.runs.disk import format_bytes
from pipelines.train.batches import GroupDataset
from pipelines.train.checkpoint import read_best, save_best
from pipelines.train.config import TrainConfig
from pipelines.train.pictures import write_pictures
from pipelines.train.step import Learner, StepResult, learning_rate
from pipelines.train.validation import Validation

_log = logging.getLogger(__name__)


class Recorder:
    """Means of the losses since the last scalars. Ranks other than the first write nothing.

    TensorBoard hides what an earlier, interrupted run wrote after `state.step`: those steps are done again.
    """

    def __init__(self, config: TrainConfig, learner: Learner, folder: RunFolder, state: TrainingState) -> None:
        self._config, self._learner, self._folder = config, learner, folder
        is_main = learner.accelerator.is_main_process
        self._writer = SummaryWriter(str(folder.run / "tensorboard"), purge_step=state.step + 1) if is_main else None
        self._wandb = _wandb(config) if is_main and config.recording.wandb else None
        self._results: list[StepResult] = []
        self._since = time.monotonic()

    def add(self, result: StepResult) -> None:
        """Count one step."""
        self._results.append(result)

    def note(self) -> str:
        """Loss and speed since the last scalars, and the most memory ever used, for the progress line."""
        speed = f"{self._samples_per_second():.3g} samples/s"
        return f"loss {self._mean('flow'):.4f}, {speed}, {format_bytes(_peak_bytes(self._learner.accelerator.device))}"

    def _mean(self, loss: str) -> float:
        return sum(float(getattr(result, loss)) for result in self._results) / len(self._results)

    def _samples_per_second(self) -> float:
        return sum(result.samples for result in self._results) / max(1e-9, time.monotonic() - self._since)

    def write_scalars(self, state: TrainingState) -> None:
        """Write the means and start new ones."""
        flow, stack = self._mean("flow"), self._mean("stack")
        scalars = {
            "loss/flow": flow,
            "loss/stack": stack,
            "loss/total": flow + self._config.objective.stack_weight * stack,
            "optimizer/learning_rate": learning_rate(state.step - 1, self._config.optimizer),
            "optimizer/gradient_norm": self._results[-1].gradient_norm,
            "data/samples": state.samples,
            "data/dropped": state.dropped,
            "data/groups_per_second": self._samples_per_second(),
            "device/peak_gigabytes": _peak_bytes(self._learner.accelerator.device) / 1e9,
        }
        self._write(scalars, state.step)
        self._results, self._since = [], time.monotonic()

    def draw_pictures(self, dataset: GroupDataset, step: int) -> None:
        """Draw the pictures that the averaged model makes of a few fixed samples."""
        if self._writer:
            path = self._folder.run / "pictures" / f"{step:08d}.png"
            device = self._learner.accelerator.device
            model, objective = self._learner.average.module, self._config.objective
            picture = write_pictures(model, dataset, device, path, objective, step=step)
            self._writer.add_image("refocused", picture, step, dataformats="HWC")
            if self._wandb:
                self._wandb.log_images({"refocused": [picture]}, step=step)

    def validate(self, validation: Validation, state: TrainingState) -> None:
        """Score the averaged model on held-out items; keep it when its loss is the least so far."""
        average, folder = self._learner.average, self._folder
        scores = validation.scores(average.module, self._learner.accelerator)
        if not self._writer:
            return
        self._write({f"validation/{name}": value for name, value in scores.known().items()}, state.step)
        items = {"split": validation.split, "items": validation.items}
        before = read_best(folder)
        is_comparable = all(before.get(name) == value for name, value in items.items())
        is_best = not is_comparable or scores.loss < before.get("loss", math.inf)
        if is_best:
            save_best(folder, average, state, {**items, **scores.known()})
        _log.info("step %d: %s%s", state.step, scores, ", the best so far" if is_best else "")

    def _write(self, scalars: Mapping[str, float], step: int) -> None:
        if self._writer:
            for name, value in scalars.items():
                self._writer.add_scalar(name, value, step)
        if self._wandb:
            self._wandb.log(dict(scalars), step=step)

    def close(self) -> None:
        """Write what is buffered."""
        if self._writer:
            self._writer.close()
        if self._wandb:
            self._wandb.finish()


def _wandb(config: TrainConfig) -> WandBTracker:
    """The run's own tracker, the same one when it is resumed. Raises UserError where the package is missing."""
    if not is_wandb_available():
        raise UserError(f"--wandb {config.recording.wandb} needs the package wandb; pip install wandb, or leave it out")
    run = config.out.absolute()
    name = f"{run.name}-{hashlib.sha256(str(run).encode()).hexdigest()[:8]}"
    tracker = WandBTracker(config.recording.wandb, dir=str(run), id=name, name=run.name, resume="allow")
    tracker.start()
    tracker.store_init_configuration(json.loads(json.dumps(dataclasses.asdict(config), default=str)))
    return tracker


def _peak_bytes(device: torch.device) -> int:
    """Of a GPU's allocator, elsewhere of this process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # on macOS bytes
    return kilobytes * (1 if sys.platform == "darwin" else 1024)
