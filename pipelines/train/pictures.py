"""What the model makes at this step: reference, target, prediction and error of a few fixed items, side by side."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pipelines.model.sampler import SamplerConfig, guided, sample
from pipelines.pictures.drawing import QUIET, Box, Sheet
from pipelines.train.batches import Batch, GroupDataset, collate
from pipelines.train.objective import condition_of

ITEMS = 4
SAMPLER = SamplerConfig(steps=4)
ERROR_GAIN = 4.0
_CELL_WIDTH, _GAP, _MARGIN, _HEAD, _CAPTION = 300, 10, 24, 34, 26
_COLUMNS = ("reference", "target", "prediction", "error x 4")


def write_pictures(model: nn.Module, dataset: GroupDataset, device: torch.device, path: Path) -> NDArray[np.uint8]:
    """Sample the first items of epoch 0 and draw them into a PNG. Returns the picture [H, W, 3]."""
    batch = collate([dataset[(0, position)] for position in range(min(ITEMS, dataset.samples))])
    predicted = refocused(model, batch.to(device)).cpu()  # [B, 3, H, W]
    sheet = _sheet(batch, predicted)
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.image.save(path)
    return np.asarray(sheet.image)


@torch.no_grad()
def refocused(model: nn.Module, batch: Batch) -> Tensor:
    """The first target of every group as the model gives it, [B, 3, H, W] in [-1, 1]. Nothing is withheld."""
    nothing = torch.zeros_like(batch.without_depth)
    of_frames = ("targets", "focus_point", "point_disparity", "focus_disparity", "noise")
    first: dict[str, Any] = {name: getattr(batch, name)[:, :1] for name in of_frames}
    told = dataclasses.replace(batch, without_depth=nothing, without_condition=nothing, **first)
    training = model.training
    model.eval()
    result = sample(guided(model, condition_of(told), SAMPLER.guidance), told.noise[:, 0], SAMPLER)
    model.train(training)
    return result


def _sheet(batch: Batch, predicted: Tensor) -> Sheet:
    count, (height, width) = len(batch.keys), batch.reference.shape[-2:]
    cell_height = round(_CELL_WIDTH * height / width)
    row_height = cell_height + _CAPTION + _GAP
    sheet = Sheet(2 * _MARGIN + 4 * _CELL_WIDTH + 3 * _GAP, 2 * _MARGIN + _HEAD + count * row_height)
    for column, title in enumerate(_COLUMNS):
        sheet.text(_MARGIN + column * (_CELL_WIDTH + _GAP), _MARGIN, title, 18)
    for item in range(count):
        target = batch.targets[item, 0]
        error = ERROR_GAIN * (predicted[item] - target).abs() - 1.0
        y = _MARGIN + _HEAD + item * row_height
        for column, shown in enumerate((batch.reference[item], target, predicted[item], error)):
            x = _MARGIN + column * (_CELL_WIDTH + _GAP)
            place = sheet.picture(Box(x, y, _CELL_WIDTH, cell_height), to_srgb8(shown))
            if column < 3:
                focus_x, focus_y = batch.focus_point[item, 0].tolist()
                if 0 <= focus_x <= 1 and 0 <= focus_y <= 1:
                    sheet.focus_mark(place, focus_x, focus_y, (255, 176, 64), radius=6)
        caption = f"sample {batch.keys[item]}  ·  blur level {float(batch.blur_level[item]):.2f} %"
        sheet.text(_MARGIN, y + cell_height + 3, caption, 14, color=QUIET)
    return sheet


def to_srgb8(display: Tensor) -> NDArray[np.uint8]:
    """[3, H, W] in [-1, 1] -> 8 bits [H, W, 3]."""
    scaled = ((display.clamp(-1.0, 1.0) + 1.0) * 127.5).round().to(torch.uint8)
    pixels: NDArray[np.uint8] = scaled.permute(1, 2, 0).contiguous().cpu().numpy()
    return pixels
