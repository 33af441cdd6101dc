"""Scores of the averaged model on scenes that are not trained on: the same items, crops, times and noise every time.

Pictures are asked for with all that can be told, as in `pictures.py`; the loss withholds what the items drew. With
--predict photo the picture asked for is sharp everywhere, and `in_focus` is where the reference is.
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from accelerate import Accelerator
from numpy.typing import NDArray
from torch import Tensor, nn

from pipelines.errors import UserError
from pipelines.measure.fidelity import LEAST_PIXELS, PSNR_LIMIT_DB
from pipelines.measure.recovered_share import recovered_share
from pipelines.model.framing import to_bytes
from pipelines.render.sample.build import IN_FOCUS_RADIUS_PX
from pipelines.train.batch import Batch, collate
from pipelines.train.batches import GroupDataset, find_training_shards
from pipelines.train.config import ObjectiveConfig, TrainConfig
from pipelines.train.objective import losses
from pipelines.train.pictures import refocused
from shards import find_shards

SEED = 0
"""Of the items, whatever the run's own seed: runs that differ in it are compared on the same ones."""
Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class ValidationScores:
    """Means over the items; NaN where no item has anything to measure.

    Attributes:
        loss: as trained, without the stacking constraint.
        psnr, psnr_in_focus, psnr_defocused: dB, of all pixels, of those with r <= 1 px, of the others.
        recovered_share: of the detail that the reference lacks where the picture asked for is sharp; 0 the reference
            as it is, 1 the truth (pipelines/measure/recovered_share.py).
    """

    loss: float
    psnr: float
    psnr_in_focus: float
    psnr_defocused: float
    recovered_share: float

    def known(self) -> dict[str, float]:
        """Those that could be measured, by name."""
        return {name: value for name, value in dataclasses.asdict(self).items() if not math.isnan(value)}

    def __str__(self) -> str:
        regions = f"{self.psnr_in_focus:.2f} in focus, {self.psnr_defocused:.2f} defocused"
        return (
            f"held-out loss {self.loss:.5f}, PSNR {self.psnr:.2f} dB ({regions}), recovered {self.recovered_share:.3f}"
        )


_NAMES = tuple(field.name for field in dataclasses.fields(ValidationScores))


class Validation:
    """The items of --validation-split; every rank scores a part of them."""

    def __init__(self, config: TrainConfig, split: Literal["train", "val", "test"]) -> None:
        data = dataclasses.replace(config.dataset, split=split, labeled_scenes=0, mislabeled=0.0)
        self.split, self.items = split, config.recording.validation_items
        self._objective, self._batch_size = config.objective, data.batch_size
        self._dataset = GroupDataset(find_training_shards(data), data, config.objective, SEED)

    @torch.no_grad()
    def scores(self, model: nn.Module, accelerator: Accelerator) -> ValidationScores:
        """Of `model`, the same on every rank."""
        sums = torch.zeros(len(_NAMES), 2, dtype=torch.float64)  # sum and count of each score
        starts = range(0, self.items, self._batch_size)
        for start in starts[accelerator.process_index :: accelerator.num_processes]:
            for item in self._items(model, self.batch(start, accelerator.device)):
                sums += torch.tensor([[item.get(name, 0.0), float(name in item)] for name in _NAMES])
        total: Tensor = accelerator.reduce(sums.to(accelerator.device, torch.float32), "sum")
        return ValidationScores(*(float(sum_ / count) if count else math.nan for sum_, count in total.cpu()))

    def batch(self, start: int, device: torch.device | str = "cpu") -> Batch:
        """At most --batch-size items from number `start` on."""
        places = range(start, min(start + self._batch_size, self.items))
        return collate([self._dataset[(0, place)] for place in places]).to(device)

    def _items(self, model: nn.Module, batch: Batch) -> Sequence[Mapping[str, float]]:
        loss = float(losses(model, batch, self._objective).flow)
        made = refocused(model, batch, self._objective)  # [B, 3, H, W]
        asked_px, own_px = _defocus_px(batch, self._objective)  # [B, H, W] each
        return [
            {"loss": loss} | _measures(to_bytes(made[i]), batch, i, asked_px[i], own_px[i])
            for i in range(len(batch.keys))
        ]


def open_validation(config: TrainConfig) -> Validation | None:
    """None with --validation-split none, or `auto` where the data set has no split val.

    Raises UserError when the split that is named holds nothing to train on.
    """
    split = config.recording.validation_split
    if split == "auto":
        try:
            split = "val" if find_shards(config.dataset.data, split="val") else "none"
        except ValueError:
            split = "none"
    if split == "none":
        return None
    if split == config.dataset.split:
        raise UserError(f"--validation-split must differ from --split, which is trained on; got {split} for both")
    try:
        return Validation(config, split)
    except UserError as error:
        raise UserError(f"--validation-split {split}: {error}") from error


def _defocus_px(batch: Batch, objective: ObjectiveConfig) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Signed blur radii [B, H, W] of the first target, and of the reference."""
    own = batch.own_blur_scale_px[:, None, None] * (batch.disparity - batch.own_focus_disparity[:, None, None])
    asked = batch.blur_scale_px[:, None, None] * (batch.disparity - batch.focus_disparity[:, :1, None])
    return (torch.zeros_like(own) if objective.predict == "photo" else asked).cpu().numpy(), own.cpu().numpy()


def _measures(
    made: Pixels, batch: Batch, item: int, asked_px: NDArray[np.float32], own_px: NDArray[np.float32]
) -> dict[str, float]:
    truth, reference = to_bytes(batch.targets[item, 0]), to_bytes(batch.reference[item])
    regional_px = asked_px if asked_px.any() else own_px
    in_focus = np.abs(regional_px) <= IN_FOCUS_RADIUS_PX
    masks = {"psnr": np.ones_like(in_focus), "psnr_in_focus": in_focus, "psnr_defocused": ~in_focus}
    found = {name: _psnr(made[mask], truth[mask]) for name, mask in masks.items() if mask.sum() >= LEAST_PIXELS}
    share = recovered_share(made, reference, truth, own_px, asked_px)
    return found if share is None else found | {"recovered_share": share}


def _psnr(made: Pixels, truth: Pixels) -> float:
    """dB over pixels [n, 3]."""
    square = float(np.square(made.astype(np.float32) - truth).mean()) / 255.0**2
    return min(PSNR_LIMIT_DB, -10.0 * math.log10(max(square, 1e-12)))
