"""What the model makes at this step: reference, target, prediction and error of a few fixed samples, side by side."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pipelines.model.framing import to_bytes
from pipelines.model.sampler import guided, sample
from pipelines.model.sampler_config import SamplerConfig
from pipelines.pictures.grid import Cell, Row, contact_sheet, signed_error
from pipelines.train.batch import Batch, collate
from pipelines.train.batches import GroupDataset
from pipelines.train.config import ObjectiveConfig
from pipelines.train.objective import condition_of

SAMPLES = 4
SAMPLER = SamplerConfig(steps=4)
ERROR_GAIN = 4
EXPLANATION = "The ring is the focus point asked for. Last column: gray is no error, bright is too bright."
COLUMN_LABELS = ("reference", "target", "prediction", f"prediction - target, x {ERROR_GAIN}")


def write_pictures(
    model: nn.Module, dataset: GroupDataset, device: torch.device, path: Path, objective: ObjectiveConfig, *, step: int
) -> NDArray[np.uint8]:
    """Refocus the first samples of epoch 0 and draw them into a PNG. Returns the picture [H, W, 3]."""
    batch = collate([dataset[(0, position)] for position in range(min(SAMPLES, dataset.samples))]).to(device)
    predictions = refocused(model, batch, objective)  # [B, 3, H, W]
    rows = [_row(batch, item, to_bytes(prediction)) for item, prediction in enumerate(predictions)]
    sheet = contact_sheet(f"Step {step}. {EXPLANATION}", rows, column_labels=COLUMN_LABELS)
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path)
    return np.asarray(sheet)


@torch.no_grad()
def refocused(model: nn.Module, batch: Batch, objective: ObjectiveConfig) -> Tensor:
    """The model's picture for the first target of every group, [B, 3, H, W] in [-1, 1], with all that can be told."""
    nothing = torch.zeros_like(batch.is_depth_dropped)
    of_frames = ("targets", "focus_point", "point_disparity", "focus_disparity", "noise")
    first: dict[str, Any] = {name: getattr(batch, name)[:, :1] for name in of_frames}
    hidden = batch.is_unconditional if objective.predict == "photo" else nothing
    told = dataclasses.replace(
        batch, is_depth_dropped=nothing, is_own_dropped=nothing, is_unconditional=hidden, **first
    )
    denoise = guided(model, condition_of(told, defocus_maps=objective.defocus_maps), SAMPLER.guidance)
    training = model.training
    model.eval()
    noise = told.noise[:, 0]
    is_flow = objective.noise == "flow"
    result = sample(denoise, noise, SAMPLER) if is_flow else denoise(torch.zeros_like(noise), told.time * 0.0)
    model.train(training)
    return result


def _row(batch: Batch, item: int, prediction: NDArray[np.uint8]) -> Row:
    target = to_bytes(batch.targets[item, 0])
    x, y = batch.focus_point[item, 0].tolist()
    point = (x, y) if 0 <= x <= 1 and 0 <= y <= 1 else None  # the plane may lie outside the crop
    cells = [Cell(picture, focus_point=point) for picture in (to_bytes(batch.reference[item]), target, prediction)]
    label = f"sample {batch.keys[item]}  ·  blur level {float(batch.blur_level[item]):.2f} % of the long side"
    return Row([*cells, Cell(signed_error(prediction, target, ERROR_GAIN))], label)
