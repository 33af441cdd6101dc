"""One batch: prediction, loss, gradient, optimizer step; the ranks agree on the outcome."""

import math
import signal
from collections.abc import Callable
from dataclasses import dataclass

import torch
from accelerate import Accelerator
from accelerate.utils import gather_object
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from pipelines.errors import UserError
from pipelines.train.batches import Batch
from pipelines.train.config import OptimizerConfig, TrainConfig
from pipelines.train.objective import Losses, losses


@dataclass(frozen=True, eq=False)
class Learner:
    """Model, optimizer and averaged model of a run; their tensors change with every step."""

    accelerator: Accelerator
    model: nn.Module  # wrapped by accelerate
    optimizer: torch.optim.Optimizer  # wrapped by accelerate
    average: AveragedModel

    @property
    def bare_model(self) -> nn.Module:
        """The model without accelerate's wrapper."""
        return self.accelerator.unwrap_model(self.model)


@dataclass(frozen=True)
class BatchResult:
    """A batch over all ranks.

    Attributes:
        flow, stack: mean losses.
        dropped: damaged samples skipped.
        stop_signal: number of the signal to stop for, or 0.
        gradient_norm: before clipping; 0 where gradients are only accumulated.
    """

    flow: float
    stack: float
    dropped: int
    stop_signal: int
    gradient_norm: float


def train_batch(
    learner: Learner, batch: Batch, step: int, config: TrainConfig, pending_signal: Callable[[], int]
) -> BatchResult:
    """Accumulate the gradient of one batch; the last of `--accumulate` batches moves the weights.

    Raises UserError on every rank when a loss or a gradient is not finite.
    """
    accelerator = learner.accelerator
    gradient_norm = 0.0
    with accelerator.accumulate(learner.model):
        result = losses(learner.model, batch, config.objective)
        flow, stack, dropped, stop_signal = _over_all_ranks(accelerator, result, batch, pending_signal())
        _require_finite(flow + stack, learner, result, batch, step)
        accelerator.backward(result.total)
        if accelerator.sync_gradients:
            clip_norm = config.optimizer.clip_norm
            gradient_norm = float(accelerator.clip_grad_norm_(learner.model.parameters(), clip_norm))
            _require_finite(gradient_norm, learner, result, batch, step)
            for group in learner.optimizer.param_groups:
                group["lr"] = learning_rate(step, config.optimizer)
        learner.optimizer.step()
        learner.optimizer.zero_grad()
    return BatchResult(flow, stack, dropped, stop_signal, gradient_norm)


def learning_rate(step: int, config: OptimizerConfig) -> float:
    """Learning rate of step 0, 1, ...: a linear warm-up, then half a cosine that reaches 0 after the last step."""
    if step < config.warmup_steps:
        return config.learning_rate * (step + 1) / config.warmup_steps
    progress = (step - config.warmup_steps) / max(1, config.steps - config.warmup_steps)
    return config.learning_rate * 0.5 * (1.0 + math.cos(math.pi * progress))


def _over_all_ranks(
    accelerator: Accelerator, result: Losses, batch: Batch, own_signal: int
) -> tuple[float, float, int, int]:
    """Mean losses, dropped samples, signal. All ranks must stop at the same step, or the others wait forever."""
    counts = [torch.tensor(float(n), device=result.flow.device) for n in (len(batch.dropped), own_signal)]
    summed: Tensor = accelerator.reduce(torch.stack([result.flow.float(), result.stack.float(), *counts]), "sum")
    flow, stack, dropped, signals = (summed / accelerator.num_processes).tolist()
    # Without a signal of its own this rank stops for another's.
    stop_signal = own_signal or (signal.SIGTERM if signals else 0)
    return flow, stack, round(dropped * accelerator.num_processes), stop_signal


def _require_finite(value: float, learner: Learner, result: Losses, batch: Batch, step: int) -> None:
    """Raise on every rank, naming the samples of the ranks whose loss is not finite, or else of all ranks."""
    if math.isfinite(value):
        return
    accelerator = learner.accelerator
    own = [(not bool(torch.isfinite(result.total)), batch.keys)]
    every = gather_object(own) if accelerator.num_processes > 1 else own
    keys = [key for is_bad, keys in every if is_bad for key in keys] or [key for _, keys in every for key in keys]
    raise UserError(
        f"loss and gradient must be finite, got {float(result.total.detach())} in step {step} with samples "
        f"{', '.join(keys)}; look at them with `refocus-foundry preview`, or lower --learning-rate and begin anew; "
        "the last checkpoint is kept",
        exit_code=1,
    )
