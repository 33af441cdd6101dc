"""`experiment`: render, train every arm with every seed, score on held-out scenes, compare. Every part resumes.

built-in scenes ──render──▶ data/train ───── train ──▶ runs/RUN/seed-S ─┐
                └─────────▶ data/held-out ──────────────────────────────┴──▶ scores/ARM/... ──▶ study.json, study.md

A table of the seeds that are done is written after each of them.
"""

import dataclasses
import json
import logging
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.errors import UserError
from pipelines.experiment.arms import Training, arms_of
from pipelines.experiment.blurred_on import blur_references
from pipelines.experiment.config import ExperimentConfig, base_training, changed, data_sets
from pipelines.experiment.held_out import HeldOutScene
from pipelines.experiment.report import ScoredArm, tables, to_json
from pipelines.experiment.score_file import scored
from pipelines.experiment.ways import way_of
from pipelines.render.run import render
from pipelines.runs.device import resolve_device
from pipelines.runs.verb_result import VerbResult
from pipelines.train.config import TrainConfig
from pipelines.train.run import data_sha256, train
from shards import find_shards, read_shards
from shards.durable import write_durably

_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class StudyResult(VerbResult):
    """Outcome of the seeds done so far. changes: what each arm's training changes in the study's, by flag."""

    config: ExperimentConfig
    arms: Sequence[ScoredArm]
    changes: dict[str, dict[str, object]]
    seeds: Sequence[int]
    scenes: int
    minutes: float

    def summary(self) -> str:
        config = self.config
        seeds = ", ".join(map(str, self.seeds))
        about = (
            f"Study {config.study}: {config.steps} steps a run, seeds {seeds}; {self.scenes} held-out scenes, "
            f"{config.device}; {self.minutes:.0f} minutes in this call. Mean (95 % interval over scenes and seeds)."
        )
        return f"{about}\n\n{tables(self.arms)}"

    def to_json(self) -> dict[str, Any]:
        """One object: settings, means and differences."""
        settings = {"study": self.config.study, "steps": self.config.steps, "seeds": list(self.seeds)}
        return settings | {"out": str(self.config.folder), "changes": self.changes} | to_json(self.arms)


def run(config: ExperimentConfig) -> StudyResult:
    """Do the parts that are not done yet. Raises UserError as `render` and `train` do."""
    started = time.monotonic()
    config = dataclasses.replace(config, device=resolve_device(config.device))
    arms = arms_of(config)
    for data_set in data_sets(config):
        render(data_set)
    if any(arm.training and arm.training.on_missing_blur for arm in arms):
        share = base_training(config).dataset.aif_share
        blur_references(config.training_folder(""), config.blurred_references, share)
    held_out, digest = _held_out(config)
    by_arm: dict[str, list[dict[str, Any]]] = {arm.name: [] for arm in arms}
    for done, seed in enumerate(config.seeds, 1):
        for arm in arms:
            if arm.training is None and by_arm[arm.name]:
                continue  # nothing that a seed would change
            path = _run_folder(config, arm.training, seed) if arm.training else None
            if arm.training:
                _log.info("%s, seed %d: %s", arm.name, seed, train(training(config, arm.training, seed)).summary())
            name = f"seed-{seed}-step-{config.steps}" if arm.training else "not-learned"
            file = config.folder / "scores" / _slug(arm.name) / f"{name}-{digest}.jsonl"
            by_arm[arm.name].append(scored(file, way_of(arm, path, config.device), held_out))
        minutes = (time.monotonic() - started) / 60.0
        found = [ScoredArm(arm.name, by_arm[arm.name], arm.training is not None) for arm in arms]
        changes = {arm.name: dict(arm.training.changes) for arm in arms if arm.training}
        result = StudyResult(config, found, changes, config.seeds[:done], len(held_out), minutes)
        write_durably(config.folder / "study.md", (result.summary() + "\n").encode())
        write_durably(config.folder / "study.json", (json.dumps(result.to_json(), indent=1) + "\n").encode())
    return result


def training(config: ExperimentConfig, training: Training, seed: int) -> TrainConfig:
    """The run of an arm with a seed."""
    run = changed(base_training(config), training.changes)
    data = dataclasses.replace(run.dataset, data=config.training_folder(training.data_set))
    if training.on_missing_blur:
        data = dataclasses.replace(data, blurred_references=str(config.blurred_references))
    return dataclasses.replace(run, dataset=data, out=_run_folder(config, training, seed), seed=seed)


def _run_folder(config: ExperimentConfig, training: Training, seed: int) -> Path:
    return config.folder / "runs" / _slug(training.run) / f"seed-{seed}"


def _held_out(config: ExperimentConfig) -> tuple[list[HeldOutScene], str]:
    """The scenes, and a digest of their data set: other scenes have other files of scores."""
    folder = config.held_out_folder
    try:
        shards = find_shards(folder, split="test")
    except ValueError as error:
        raise UserError(f"--held-out {error}; name the --out folder of a render run with a split `test`") from error
    samples = list(read_shards(folder, split="test", seed=None))[: config.held_out_scenes]
    return [HeldOutScene(sample) for sample in samples], data_sha256(shards)[:8]


def _slug(name: str) -> str:
    """A name as a folder."""
    return re.sub(r"[^a-z0-9.]+", "-", name.lower()).strip("-")
