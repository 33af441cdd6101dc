"""One optimizer step: prediction, loss, gradient, new weights and their average; the ranks agree on the outcome."""

import math
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from accelerate import Accelerator
from accelerate.utils import gather_object
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from pipelines.errors import UserError
from pipelines.train.batch import PackedBatch
from pipelines.train.config import OptimizerConfig, TrainConfig
from pipelines.train.objective import Losses, losses
from shards import Complaint


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
class StepResult:
    """An optimizer step over all ranks.

    Attributes:
        flow, stack: mean losses.
        gradient_norm: before clipping.
        samples: read. dropped: damaged ones skipped; `complaints` names those of this rank.
        blur_level_min, blur_level_max: of the groups, percent of the long side.
        stop_signal: number of the signal to stop for, or 0.
    """

    flow: float
    stack: float
    gradient_norm: float
    samples: int
    dropped: int
    complaints: tuple[Complaint, ...]
    blur_level_min: float
    blur_level_max: float
    stop_signal: int


def train_step(
    learner: Learner, batches: Sequence[PackedBatch], step: int, config: TrainConfig, pending_signal: Callable[[], int]
) -> StepResult:
    """Move the weights by the gradient of --accumulate batches. The device is waited for once, before they move.

    Raises UserError on every rank when a loss or a gradient is not finite.
    """
    accelerator = learner.accelerator
    results = []
    for packed in batches:
        batch = packed.to(accelerator.device)
        with accelerator.accumulate(learner.model):
            results.append(losses(learner.model, batch, config.objective))
            accelerator.backward(results[-1].total)
    norm = accelerator.clip_grad_norm_(learner.model.parameters(), config.optimizer.clip_norm)
    outcome = _over_all_ranks(accelerator, results, torch.as_tensor(norm), batches, pending_signal())
    _require_finite(outcome, accelerator, results, batches, step)
    for group in learner.optimizer.param_groups:
        group["lr"] = learning_rate(step, config.optimizer)
    learner.optimizer.step()
    learner.optimizer.zero_grad()
    learner.average.update_parameters(learner.bare_model)
    return outcome


def learning_rate(step: int, config: OptimizerConfig) -> float:
    """Learning rate of step 0, 1, ...: a linear warm-up, then half a cosine that reaches 0 after the last step."""
    if step < config.warmup_steps:
        return config.learning_rate * (step + 1) / config.warmup_steps
    progress = (step - config.warmup_steps) / max(1, config.steps - config.warmup_steps)
    return config.learning_rate * 0.5 * (1.0 + math.cos(math.pi * progress))


def _over_all_ranks(
    accelerator: Accelerator,
    results: Sequence[Losses],
    norm: Tensor,
    batches: Sequence[PackedBatch],
    own_signal: int,
) -> StepResult:
    """All ranks must stop at the same step, or the others wait forever."""
    levels = torch.cat([batch.fields["blur_level"] for batch in batches])
    complaints = tuple(complaint for batch in batches for complaint in batch.dropped)
    on_host = torch.tensor([len(complaints), own_signal, float(levels.min()), float(levels.max())])
    means = [torch.stack([getattr(result, name) for result in results]).mean() for name in ("flow", "stack", "total")]
    own = torch.cat([torch.stack([*means, norm]).detach().float(), on_host.to(norm.device, non_blocking=True)])
    every = accelerator.gather(own).view(accelerator.num_processes, -1).cpu()  # [ranks, 8]
    flow, stack, total, gradient_norm, dropped, signals, *_ = every.mean(dim=0).tolist()
    return StepResult(
        flow=flow,
        stack=stack,
        gradient_norm=gradient_norm + 0.0 * total,  # not finite where a loss is not
        samples=sum(len(batch.keys) for batch in batches) * accelerator.num_processes,
        dropped=round(dropped * accelerator.num_processes),
        complaints=complaints,
        blur_level_min=float(every[:, 6].min()),
        blur_level_max=float(every[:, 7].max()),
        # Without a signal of its own this rank stops for another's.
        stop_signal=own_signal or (signal.SIGTERM if signals else 0),
    )


def _require_finite(
    outcome: StepResult,
    accelerator: Accelerator,
    results: Sequence[Losses],
    batches: Sequence[PackedBatch],
    step: int,
) -> None:
    """Raise on every rank, naming the samples of the batches whose loss is not finite, or else of all."""
    if math.isfinite(outcome.flow + outcome.stack + outcome.gradient_norm):
        return
    totals = [float(result.total.detach()) for result in results]
    own = [(total, batch.keys) for total, batch in zip(totals, batches, strict=True)]
    every = gather_object(own) if accelerator.num_processes > 1 else own
    bad = [(total, keys) for total, keys in every if not math.isfinite(total)] or every
    raise UserError(
        f"loss and gradient must be finite, got {bad[0][0]} in step {step} with samples "
        f"{', '.join(key for _, keys in bad for key in keys)}; look at them with `refocus-foundry preview`, or lower "
        "--learning-rate and begin anew; the last checkpoint is kept",
        exit_code=1,
    )
