"""A training run on disk, as far as a reader needs it: settings, the newest checkpoint, weights.

RUN/config.json                      every setting that decides the weights; names the model
RUN/checkpoints/00001000/weights.safetensors  average.safetensors  optimizer.safetensors  state.json
RUN/checkpoints/best-00000500/average.safetensors  state.json  validation.json     the best on held-out scenes
RUN/tensorboard/  RUN/pictures/      scalars; reference, target, prediction, error

`train` writes a checkpoint under a temporary name and renames it, so a checkpoint that is there is complete.
"""

import json
import logging
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from pipelines.errors import UserError
from pipelines.model.ema import averaged
from pipelines.model.networks import PATCH_PX, new_network
from pipelines.model.package_weights import PACKAGE_WEIGHTS
from pipelines.runs.settings import Settings
from pipelines.runs.settings import read_settings as read_object

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainingState:
    """How far a run has come (state.json).

    Attributes:
        step: optimizer steps done.
        batches: batches read by each process.
        samples: samples read by all processes together.
        dropped: damaged samples skipped.
        blur_level_min, blur_level_max: blur levels trained on, percent of the long side.
    """

    step: int = 0
    batches: int = 0
    samples: int = 0
    dropped: int = 0
    blur_level_min: float = float("inf")
    blur_level_max: float = 0.0


@dataclass(frozen=True)
class RunFolder:
    """RUN, and the paths in it."""

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

    def all_checkpoints(self) -> list[Path]:
        """Complete checkpoints, oldest first."""
        return sorted(path for path in self.checkpoints.glob("[0-9]*") if path.is_dir())

    def latest(self) -> Path | None:
        """The newest checkpoint, None before the first."""
        return max(self.all_checkpoints(), default=None)

    def best(self) -> Path | None:
        """The averaged weights that scored best on held-out scenes; None where nothing was scored."""
        return max(self.checkpoints.glob("best-[0-9]*"), default=None)

    def to_use(self) -> Path | None:
        """The best where something was scored, else the newest; its averaged weights are those to refocus with."""
        return self.best() or self.latest()


@dataclass(frozen=True)
class TrainedOn:
    """The conditions a model was trained under: size of the pictures, depth dropout, blur levels in percent.

    predicts_photo: it makes the all-in-focus photo instead of the frame. is_flow: it samples from noise.
    """

    run: Path
    width: int
    height: int
    patch_px: int
    depth_dropout: float
    blur_level_min: float
    blur_level_max: float
    predicts_photo: bool = False
    is_flow: bool = True
    defocus_maps: bool = True
    steps: int = 0


def load_averaged(run: Path) -> tuple[nn.Module, TrainedOn]:
    """RUN's averaged weights as a model on the CPU, and what it was trained on: those that scored best on held-out
    scenes where there are such, else those of the newest checkpoint. The log says which.

    Raises UserError: no run, no checkpoint yet, damaged files, weights of another model.
    """
    settings = read_settings(run)
    folder = RunFolder(run)
    checkpoint = folder.to_use()
    if checkpoint is None:
        raise UserError(f"{run} must hold a checkpoint, got none yet; train further, it saves every --save-every steps")
    trained_on = _trained_on(run, settings, read_state(checkpoint))
    which = "the best on held-out scenes" if checkpoint == folder.best() else "the newest"
    if run != PACKAGE_WEIGHTS:  # a choice is news only where there was one
        _log.info("%s: averaged weights of step %d, %s", run, trained_on.steps, which)
    average = averaged(new_network(settings["model"], settings["predict"]), 0.0)
    load_weights(checkpoint / "average.safetensors", average)
    return average.module, trained_on


def _trained_on(run: Path, settings: Settings, state: TrainingState) -> TrainedOn:
    try:
        patch_px = PATCH_PX[settings["model"]]
        width, height, dropout = int(settings["width"]), int(settings["height"]), float(settings["depth_dropout"])
        ways = {
            "predicts_photo": settings["predict"] == "photo",
            "is_flow": settings["noise"] == "flow",
            "defocus_maps": bool(settings["defocus_maps"]),
        }
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"{run}/config.json must say model, predict, noise, width, height and depth_dropout; it lacks {error}"
        ) from error
    levels = state.blur_level_min, state.blur_level_max
    return TrainedOn(run, width, height, patch_px, dropout, *levels, **ways, steps=state.step)


def load_weights(path: Path, model: nn.Module) -> None:
    """Fill a model from a file. Raises UserError that names the first weights that do not fit."""
    try:
        model.load_state_dict(load_tensors(path))
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:300]
        raise UserError(f"{path} must hold the weights that its config.json promises: {reason}") from error


def load_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file by name. Raises UserError when it is missing or damaged."""
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise UserError(f"{path} cannot be read ({error}); remove this checkpoint to use the one before") from error


def read_state(path: Path) -> TrainingState:
    """A checkpoint's state.json. Raises UserError when it is damaged."""
    try:
        return TrainingState(**json.loads((path / "state.json").read_text(encoding="utf-8")))
    except Exception as error:  # a parser of damaged bytes raises nearly anything
        raise UserError(
            f"{path}/state.json cannot be read ({error}); remove this checkpoint to use the one before"
        ) from error


def read_settings(run: Path) -> Settings:
    """RUN/config.json. Raises UserError when there is none, or it is damaged."""
    path = RunFolder(run).config
    try:
        return read_object(path)
    except FileNotFoundError:
        raise UserError(f"{run} must be the --out folder of a train run; it has no config.json") from None
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read ({error}); choose another run") from error
