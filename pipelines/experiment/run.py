"""`experiment`: render, train once for each weight, score on held-out scenes, table and grid. Every part resumes.

built-in scenes ──render──▶ data ─┬─ train ──▶ runs (λ = 0, λ > 0, the same seed) ─┐
                                  └─ test ─────────────────────────────────────────┴──▶ scores ──▶ table, grid
"""

import dataclasses
import json
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipelines.experiment.config import ExperimentConfig, scenes, training
from pipelines.experiment.report import Arm, differences, table, to_json
from pipelines.experiment.scores import HeldOutScores, Method, score_held_out
from pipelines.model.sampler_config import SamplerConfig
from pipelines.pictures.grid import Cell, Row, contact_sheet, signed_error
from pipelines.refocus.trained import trained_refocuser
from pipelines.render.run import render
from pipelines.runs.device import resolve_device
from pipelines.runs.verb_result import VerbResult
from pipelines.train.run import train
from shards import Sample, read_shards
from shards.durable import write_durably

_log = logging.getLogger(__name__)

SAMPLER = SamplerConfig(steps=4)
IDENTITY = "photo as it is"
GRID_SCENES = 4
ERROR_GAIN = 3
GRID_TITLE = "Held-out scenes. The ring is the focus point asked for. Error: gray is none, bright is too bright."


@dataclass(frozen=True)
class ExperimentResult(VerbResult):
    """Result of the experiment. `seconds` is the time of each part; parts done earlier take none."""

    out: str
    arms: tuple[Arm, ...]
    steps: int
    device: str
    held_out_scenes: int
    seconds: dict[str, float]

    def summary(self) -> str:
        parts = [table(self.arms)]
        parts += [differences(self.arms[1], other) for other in self.arms[2:]]
        about = (
            f"{self.held_out_scenes} held-out scenes, {self.steps} steps a run, {self.device}; "
            + ", ".join(f"{part} {spent:.0f} s" for part, spent in self.seconds.items())
            + f"; grid: {self.out}/grid.jpg"
        )
        return "\n\n".join([*parts, about])

    def to_json(self) -> dict[str, object]:
        """One object: means and scenes by method, and what it took."""
        return {
            "out": self.out,
            "steps": self.steps,
            "device": self.device,
            "seconds": self.seconds,
            "arms": to_json(self.arms),
        }


def run(config: ExperimentConfig) -> ExperimentResult:
    """Do the parts that are not done yet. Raises UserError as render and train do."""
    device = resolve_device(config.device)
    config = dataclasses.replace(config, device=device)
    clock = _Clock()
    render(scenes(config))
    clock.stop("render")
    for weight in config.stack_weights:
        result = train(training(config, weight))
        _log.info("lambda %g: %s", weight, result.summary())
        clock.stop(f"train lambda = {weight:g}")
    held_out = list(read_shards(config.folder / "data", split="test", seed=None))
    methods, steps = _methods(config, device), training(config, 0.0).optimizer.steps
    paths = _scores_paths(config, steps)
    arms = tuple(Arm(name, _scored(path, methods[name], held_out)) for name, path in zip(methods, paths, strict=True))
    _write_grid(methods, held_out, config.folder / "grid.jpg")
    clock.stop("score")
    outcome = ExperimentResult(str(config.folder), arms, steps, device, len(held_out), clock.seconds)
    write_durably(config.folder / "table.md", (outcome.summary() + "\n").encode())
    write_durably(config.folder / "scores.json", (json.dumps(outcome.to_json(), indent=1) + "\n").encode())
    return outcome


class _Clock:
    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._since = time.monotonic()

    def stop(self, part: str) -> None:
        now = time.monotonic()
        self.seconds[part], self._since = round(now - self._since, 1), now


def _methods(config: ExperimentConfig, device: str) -> dict[str, Method]:
    """The unchanged photo as baseline, and one model for each weight."""
    methods: dict[str, Method] = {IDENTITY: lambda photo, disparity, focus_point, blur_level: photo}
    for weight in config.stack_weights:
        refocuser = trained_refocuser(config.run(weight), device, SAMPLER, resolution="trained")
        methods[f"lambda = {weight:g}"] = refocuser.refocus
    return methods


def _scores_paths(config: ExperimentConfig, step: int) -> list[Path]:
    """The file of each method's scores, in the methods' order: beside the run, so that a checkpoint is scored once."""
    runs = (config.run(weight) for weight in config.stack_weights)
    return [config.folder / "scores-identity.json", *(run / f"scores-{step:08d}.json" for run in runs)]


def _scored(path: Path, method: Method, held_out: Sequence[Sample]) -> tuple[HeldOutScores, ...]:
    """Scores scene by scene, kept at `path`."""
    if path.exists():
        return tuple(HeldOutScores(**score) for score in json.loads(path.read_text(encoding="utf-8")))
    scores = tuple(score_held_out(method, sample) for sample in held_out)
    content = json.dumps([dataclasses.asdict(score) for score in scores], indent=1)
    write_durably(path, content.encode())
    return scores


def _write_grid(methods: Mapping[str, Method], held_out: Sequence[Sample], path: Path) -> None:
    """The strongest blur of a few scenes, focused near and far in turn: photo, true frame, each model and its error."""
    models = {name: method for name, method in methods.items() if name != IDENTITY}
    labels = ["photo", "true frame"]
    for name in models:
        labels += [name, f"{name}: error x {ERROR_GAIN}"]
    rows = [_row(models, sample, is_near=number % 2 == 0) for number, sample in enumerate(held_out[:GRID_SCENES])]
    sheet = contact_sheet(GRID_TITLE, rows, column_labels=labels, cell_width_px=260)
    sheet.save(path, quality=92, subsampling=0)


def _row(models: Mapping[str, Method], sample: Sample, *, is_near: bool) -> Row:
    """The nearest or the farthest plane of the strongest blur level."""
    index = -1 if is_near else -sample.record.planes
    frame, truth = sample.record.frames[index], sample.frames[index]
    disparity = sample.disparity_values().astype(np.float32)
    point = (frame.focus_x, frame.focus_y)
    cells = [Cell(sample.aif, focus_point=point), Cell(truth)]
    for method in models.values():
        prediction = method(sample.aif, disparity, point, frame.blur_level)
        cells += [Cell(prediction), Cell(signed_error(prediction, truth, ERROR_GAIN))]
    label = f"scene {sample.record.scene_id}  ·  blur level {frame.blur_level:.1f} % of the long side"
    return Row(cells, f"{label}  ·  in focus: disparity {frame.focus_disparity:.2f}")
