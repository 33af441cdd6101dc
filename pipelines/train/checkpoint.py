"""A training run on disk: tensors as safetensors, everything else as JSON, whole or not at all.

RUN/config.json                      what decides the weights: guards resuming, tells what the model is
RUN/checkpoints/00001000/weights.safetensors  average.safetensors  optimizer.safetensors  state.json
RUN/tensorboard/  RUN/pictures/      scalars; reference, target, prediction, error

A checkpoint is written under a temporary name and renamed, so one that is there is complete.
"""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from pipelines.errors import UserError
from shards.durable import sync_folder, write_durably

Settings = dict[str, Any]
_MOMENTS = ("step", "exp_avg", "exp_avg_sq")


@dataclass(frozen=True)
class Progress:
    """How far a run is: where to go on reading, and what a user of the model should know.

    Attributes:
        step: optimizer steps done.
        batches: batches read by each process.
        samples: samples read by all processes together.
        dropped: damaged samples passed over.
        blur_level_min, blur_level_max: what was trained on, percent of the long side.
    """

    step: int = 0
    batches: int = 0
    samples: int = 0
    dropped: int = 0
    blur_level_min: float = float("inf")
    blur_level_max: float = 0.0


@dataclass(frozen=True)
class RunFolder:
    """RUN, and what lies where."""

    run: Path

    @property
    def config(self) -> Path:
        return self.run / "config.json"

    @property
    def checkpoints(self) -> Path:
        return self.run / "checkpoints"

    @property
    def meta(self) -> Path:
        return self.run / ".meta"

    def latest(self) -> Path | None:
        """The newest checkpoint, None before the first."""
        return max(self._all(), default=None)

    def remove_old(self, keep: int) -> None:
        """Leave the newest `keep` checkpoints, and nothing unfinished."""
        for old in self._all()[:-keep]:
            shutil.rmtree(old)
        for unfinished in self.checkpoints.glob(".*.tmp"):
            shutil.rmtree(unfinished)

    def _all(self) -> list[Path]:
        return sorted(path for path in self.checkpoints.glob("[0-9]*") if path.is_dir())


def save_checkpoint(
    folder: RunFolder, model: nn.Module, average: nn.Module, optimizer: torch.optim.Optimizer, progress: Progress
) -> Path:
    """Write the checkpoint of `progress.step`. Returns its folder."""
    path = folder.checkpoints / f"{progress.step:08d}"
    unfinished = folder.checkpoints / f".{path.name}.tmp"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    save_file(_contiguous(model.state_dict()), unfinished / "weights.safetensors")
    save_file(_contiguous(average.state_dict()), unfinished / "average.safetensors")
    save_file(_moments(model, optimizer), unfinished / "optimizer.safetensors")
    (unfinished / "state.json").write_bytes(to_json(dataclasses.asdict(progress)))
    for file in unfinished.iterdir():
        with file.open("rb") as stream:
            os.fsync(stream.fileno())
    shutil.rmtree(path, ignore_errors=True)  # the same step once more, after a setting without effect was changed
    os.replace(unfinished, path)
    sync_folder(folder.checkpoints)
    return path


def load_checkpoint(path: Path, model: nn.Module, average: nn.Module, optimizer: torch.optim.Optimizer) -> Progress:
    """Put everything back as it was. Raises UserError for files that are damaged or of another model."""
    load_weights(path / "weights.safetensors", model)
    load_weights(path / "average.safetensors", average)
    moments = _load(path / "optimizer.safetensors")
    for name, weight in model.named_parameters():
        if f"{name}/step" in moments:  # none before the first step
            state = {moment: moments[f"{name}/{moment}"] for moment in _MOMENTS}
            optimizer.state[weight] = {
                moment: value if moment == "step" else value.to(weight.device) for moment, value in state.items()
            }
    return read_progress(path)


def load_weights(path: Path, model: nn.Module) -> None:
    """Fill a model from a file. Raises UserError that names the first weights that do not fit."""
    try:
        model.load_state_dict(_load(path))
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:300]
        raise UserError(f"{path} must hold the weights that its config.json promises: {reason}") from error


def read_progress(path: Path) -> Progress:
    """A checkpoint's state.json. Raises UserError when it is damaged."""
    try:
        return Progress(**json.loads((path / "state.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise UserError(
            f"{path}/state.json cannot be read ({error}); remove this checkpoint to use the one before"
        ) from error


def check_settings(folder: RunFolder, now: Settings) -> None:
    """Begin a run, or make sure that this command goes on with the one that is there.

    Raises UserError that names every setting that differs.
    """
    if not folder.config.exists():
        folder.run.mkdir(parents=True, exist_ok=True)
        write_durably(folder.config, to_json(now))
        return
    before = read_settings(folder.run)
    changed = [
        f"{key} was {before.get(key, 'absent')}, now {now.get(key, 'absent')}"
        for key in sorted(before.keys() | now.keys())
        if before.get(key) != now.get(key)
    ]
    if changed:
        raise UserError(
            f"{folder.run} was begun with other settings: {'; '.join(changed)}; "
            "give the old ones to resume it, or choose another --out"
        )


def read_settings(run: Path) -> Settings:
    """RUN/config.json. Raises UserError when there is none, or it is damaged."""
    path = RunFolder(run).config
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(settings, dict):
            raise ValueError("it must hold one object")
        return settings
    except FileNotFoundError:
        raise UserError(f"{run} must be the --out folder of a train run; it has no config.json") from None
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read ({error}); choose another run") from error


def to_json(content: Mapping[str, Any]) -> bytes:
    """The same bytes for the same record."""
    return (json.dumps(content, indent=1, sort_keys=True) + "\n").encode()


def _load(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise UserError(f"{path} cannot be read ({error}); remove this checkpoint to use the one before") from error


def _moments(model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    return _contiguous(
        {
            f"{name}/{moment}": torch.as_tensor(optimizer.state[weight][moment])
            for name, weight in model.named_parameters()
            if weight in optimizer.state
            for moment in _MOMENTS
        }
    )


def _contiguous(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
