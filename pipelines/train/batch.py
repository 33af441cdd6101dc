"""A batch: in 8 bits from the reader to the device, and as floats with its noise there.

Noise is drawn on the device from a seed that each item carries, so the same items have the same noise however many
processes share them, and a resumed run goes on with it. Other kinds of device draw other noise from the same seed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pipelines.train.group import TrainingGroup
from shards import Complaint

Item = tuple[TrainingGroup, tuple[Complaint, ...]]
"""A group, and the damaged samples skipped before it."""
_PICTURES = ("reference", "aif", "targets")
_OF_PHOTO = 1
"""Changes an item's seed for the noise of its reference."""
_ON_HOST = ("is_labeled",)
"""What decides which computations are done: asking the device would wait for it."""


@dataclass(frozen=True, eq=False)
class Batch:
    """B groups on one device: the fields of TrainingGroup with a leading B, pictures as display values in [-1, 1]."""

    keys: tuple[str, ...]
    reference: Tensor  # [B, 3, H, W]
    aif: Tensor  # [B, 3, H, W]
    disparity: Tensor  # [B, H, W]
    given_disparity: Tensor  # [B, H, W]
    targets: Tensor  # [B, n, 3, H, W]
    focus_point: Tensor  # [B, n, 2]
    point_disparity: Tensor  # [B, n]
    focus_disparity: Tensor  # [B, n]
    blur_level: Tensor  # [B]
    blur_scale_px: Tensor  # [B]
    own_focus_disparity: Tensor  # [B]
    own_blur_scale_px: Tensor  # [B]
    told_focus_disparity: Tensor  # [B]
    told_blur_scale_px: Tensor  # [B]
    time: Tensor  # [B]
    noise: Tensor  # [B, n, 3, H, W]
    is_depth_dropped: Tensor  # [B], bool
    is_unconditional: Tensor  # [B], bool
    is_own_dropped: Tensor  # [B], bool
    is_labeled: Tensor  # [B], bool, on the CPU


@dataclass(frozen=True, eq=False)
class PackedBatch:
    """B groups as they are read: pictures uint8, noise as seeds; `fields` has the tensors by the names of Batch.

    dropped: the damaged samples skipped for them.
    """

    keys: tuple[str, ...]
    fields: dict[str, Tensor]
    noise_seeds: tuple[int, ...]
    dropped: tuple[Complaint, ...] = ()

    @property
    def is_noisy(self) -> bool:
        """Whether any reference gets noise; known before the device has the numbers."""
        return bool(self.fields["photo_noise"].any())

    def pin_memory(self) -> PackedBatch:
        """The same in memory that a GPU reads by itself; torch's loader calls this."""
        return dataclasses.replace(self, fields={name: value.pin_memory() for name, value in self.fields.items()})

    def to(self, device: torch.device | str) -> Batch:
        """Unpacked on a device."""
        fields: dict[str, Any] = {
            name: value if name in _ON_HOST else value.to(device, non_blocking=True)
            for name, value in self.fields.items()
        }
        pictures = {name: fields[name].float() / 127.5 - 1.0 for name in _PICTURES}
        noise = unit_noise(self.noise_seeds, tuple(fields["targets"].shape[1:]), device)
        deviation = fields.pop("photo_noise")[:, None, None, None] / 127.5
        if self.is_noisy:
            seeds = [seed ^ _OF_PHOTO for seed in self.noise_seeds]
            grain = unit_noise(seeds, tuple(pictures["reference"].shape[1:]), device)
            pictures["reference"] = (pictures["reference"] + deviation * grain).clamp(-1.0, 1.0)
        return Batch(keys=self.keys, noise=noise, **(fields | pictures))


def unit_noise(seeds: Sequence[int], shape: tuple[int, ...], device: torch.device | str) -> Tensor:
    """Unit normal noise [B, *shape] on a device, each item's from its own seed."""
    generator = torch.Generator(device)
    noise = torch.empty((len(seeds), *shape), device=device)
    for item, seed in zip(noise, seeds, strict=True):
        item.normal_(generator=generator.manual_seed(seed))
    return noise


def collate(items: Sequence[Item]) -> PackedBatch:
    """Stack items to a batch."""
    groups = [group for group, _ in items]

    def stacked(name: str) -> Tensor:
        values = [getattr(group, name) for group in groups]
        if isinstance(values[0], bool):
            return torch.tensor(values)
        kind = np.uint8 if name in _PICTURES else np.float32
        return torch.from_numpy(np.stack([np.asarray(value, kind) for value in values]))

    names = {field.name for field in dataclasses.fields(TrainingGroup)} - {"key", "noise_seed"}
    return PackedBatch(
        keys=tuple(group.key for group in groups),
        fields={name: stacked(name) for name in sorted(names)},
        noise_seeds=tuple(group.noise_seed for group in groups),
        dropped=tuple(complaint for _, dropped in items for complaint in dropped),
    )
