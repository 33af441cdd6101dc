"""Records of a run: scalars and pictures for TensorBoard, in RUN/tensorboard and RUN/pictures; the best checkpoint."""

import logging
import math
import time

from torch.utils.tensorboard import SummaryWriter

from pipelines.model.checkpoint import RunFolder, TrainingState
from pipelines.train.batches import GroupDataset
from pipelines.train.checkpoint import read_best, save_best
from pipelines.train.config import TrainConfig
from pipelines.train.pictures import write_pictures
from pipelines.train.step import BatchResult, Learner, learning_rate
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
        self._reset()

    def _reset(self) -> None:
        self._flow, self._stack, self._batches, self._since = 0.0, 0.0, 0, time.monotonic()

    def add(self, result: BatchResult) -> None:
        """Count one batch."""
        self._flow, self._stack = self._flow + result.flow, self._stack + result.stack
        self._batches += 1

    @property
    def mean_flow(self) -> float:
        """Mean flow loss since the last scalars."""
        return self._flow / self._batches

    def write_scalars(self, state: TrainingState, gradient_norm: float) -> None:
        """Write the means and start new ones."""
        seconds = max(1e-9, time.monotonic() - self._since)
        ranks = self._learner.accelerator.num_processes
        stack = self._stack / self._batches
        scalars = {
            "loss/flow": self.mean_flow,
            "loss/stack": stack,
            "loss/total": self.mean_flow + self._config.objective.stack_weight * stack,
            "optimizer/learning_rate": learning_rate(state.step - 1, self._config.optimizer),
            "optimizer/gradient_norm": gradient_norm,
            "data/samples": state.samples,
            "data/dropped": state.dropped,
            "data/groups_per_second": self._batches * self._config.dataset.batch_size * ranks / seconds,
        }
        if self._writer:
            for name, value in scalars.items():
                self._writer.add_scalar(name, value, state.step)
        self._reset()

    def draw_pictures(self, dataset: GroupDataset, step: int) -> None:
        """Draw the pictures that the averaged model makes of a few fixed samples."""
        if self._writer:
            path = self._folder.run / "pictures" / f"{step:08d}.png"
            device = self._learner.accelerator.device
            model, objective = self._learner.average.module, self._config.objective
            picture = write_pictures(model, dataset, device, path, objective, step=step)
            self._writer.add_image("refocused", picture, step, dataformats="HWC")

    def validate(self, validation: Validation, state: TrainingState) -> None:
        """Score the averaged model on held-out items; keep it when its loss is the least so far."""
        average, folder = self._learner.average, self._folder
        scores = validation.scores(average.module, self._learner.accelerator)
        if not self._writer:
            return
        for name, value in scores.known().items():
            self._writer.add_scalar(f"validation/{name}", value, state.step)
        items = {"split": validation.split, "items": validation.items}
        before = read_best(folder)
        is_comparable = all(before.get(name) == value for name, value in items.items())
        is_best = not is_comparable or scores.loss < before.get("loss", math.inf)
        if is_best:
            save_best(folder, average, state, {**items, **scores.known()})
        _log.info("step %d: %s%s", state.step, scores, ", the best so far" if is_best else "")

    def close(self) -> None:
        """Write what is buffered."""
        if self._writer:
            self._writer.close()
