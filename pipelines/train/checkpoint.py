"""Writing a training run to disk and resuming it: tensors as safetensors, everything else as JSON.

The layout of the folder is in pipelines/model/checkpoint.py. A checkpoint is written under a temporary name and
renamed, so a checkpoint that is there is complete.
"""

import dataclasses
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from pipelines.model.checkpoint import (
    RunFolder,
    TrainingState,
    load_tensors,
    load_weights,
    read_settings,
    read_state,
)
from pipelines.runs.settings import Settings, check_settings, settings_to_json
from pipelines.runs.settings import read_settings as read_settings_file
from shards.durable import sync_folder, write_durably

_MOMENTS = ("step", "exp_avg", "exp_avg_sq")


def save_checkpoint(
    folder: RunFolder, model: nn.Module, average: nn.Module, optimizer: torch.optim.Optimizer, state: TrainingState
) -> Path:
    """Write the checkpoint of `state.step`. Returns its folder."""
    tensors = {"weights": model.state_dict(), "average": average.state_dict(), "optimizer": _moments(model, optimizer)}
    return _write(folder.checkpoints / f"{state.step:08d}", tensors, {"state": dataclasses.asdict(state)})


def save_best(folder: RunFolder, average: nn.Module, state: TrainingState, validation: Mapping[str, Any]) -> Path:
    """Keep averaged weights as the best on held-out scenes, in place of those before. Returns their folder."""
    objects = {"state": dataclasses.asdict(state), "validation": validation}
    path = _write(folder.checkpoints / f"best-{state.step:08d}", {"average": average.state_dict()}, objects)
    for other in folder.checkpoints.glob("best-[0-9]*"):
        if other != path:
            shutil.rmtree(other)
    return path


def read_best(folder: RunFolder) -> Settings:
    """What `save_best` was told of the validation; empty where there is none, or it cannot be read."""
    best = folder.best()
    try:
        return read_settings_file(best / "validation.json") if best else {}
    except (OSError, ValueError):
        return {}


def _write(path: Path, tensors: Mapping[str, Mapping[str, Tensor]], objects: Mapping[str, Mapping[str, Any]]) -> Path:
    """A folder that is there only when all its files are."""
    unfinished = path.parent / f".{path.name}.tmp"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    for name, values in tensors.items():
        save_file(_contiguous(values), unfinished / f"{name}.safetensors")
    for name, content in objects.items():
        (unfinished / f"{name}.json").write_bytes(settings_to_json(content))
    for file in unfinished.iterdir():
        with file.open("rb") as stream:
            os.fsync(stream.fileno())
    shutil.rmtree(path, ignore_errors=True)  # this step was saved before: a setting without effect has changed
    os.replace(unfinished, path)
    sync_folder(path.parent)
    return path


def load_checkpoint(
    path: Path, model: nn.Module, average: nn.Module, optimizer: torch.optim.Optimizer
) -> TrainingState:
    """Fill model, average and optimizer from a checkpoint. Raises UserError: files damaged or of another model."""
    load_weights(path / "weights.safetensors", model)
    load_weights(path / "average.safetensors", average)
    moments = load_tensors(path / "optimizer.safetensors")
    for name, weight in model.named_parameters():
        if f"{name}/step" in moments:  # none before the first step
            of_weight = {moment: moments[f"{name}/{moment}"] for moment in _MOMENTS}
            is_fused = bool(optimizer.param_groups[0].get("fused"))  # its count of steps lies beside the weights
            optimizer.state[weight] = {
                moment: value if moment == "step" and not is_fused else value.to(weight.device)
                for moment, value in of_weight.items()
            }
    return read_state(path)


def remove_old_checkpoints(folder: RunFolder, keep: int) -> None:
    """Keep the newest `keep` checkpoints; remove the others and unfinished ones."""
    for old in folder.all_checkpoints()[:-keep]:
        shutil.rmtree(old)
    for unfinished in folder.checkpoints.glob(".*.tmp"):
        shutil.rmtree(unfinished)


def begin_or_resume(folder: RunFolder, settings: Settings) -> None:
    """Write the settings of a new run, or compare them with those of the run that is there.

    Raises UserError that names every setting that differs.
    """
    if folder.config.exists():
        check_settings(folder.run, read_settings(folder.run), settings)
    else:
        folder.run.mkdir(parents=True, exist_ok=True)
        write_durably(folder.config, settings_to_json(settings))


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
