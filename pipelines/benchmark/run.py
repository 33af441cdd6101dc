"""`benchmark`: the test set, the contestants' answers, scores, and the report.

recipe ──open_set──▶ scenes, tasks ──contestants──▶ answers ──scoring──▶ scores ──summary──▶ report
"""

import logging
import shutil
from collections import defaultdict
from collections.abc import Mapping, Sequence

import cv2
import torch

from pipelines.benchmark.config import BenchmarkConfig
from pipelines.benchmark.contestants import Contestant, contestants
from pipelines.benchmark.perceptual import available
from pipelines.benchmark.report import ANSWERS, PAGE_FILE, BenchmarkReport, write_report
from pipelines.benchmark.scoring import SceneScores, score_scene
from pipelines.benchmark.summary import Summary
from pipelines.benchmark.tasks import Task, write_picture
from pipelines.benchmark.test_set import TestSet, open_set, open_stacks
from pipelines.measure.fidelity import Picture
from pipelines.runs.verb_result import VerbResult

LOG = logging.getLogger(__name__)


def benchmark(config: BenchmarkConfig) -> VerbResult:
    """Make the test set and, unless `--set-only`, score all contestants and write the report.

    Raises UserError for a wrong configuration or answer.
    """
    return prepare(config) if config.set_only else run(config)


def prepare(config: BenchmarkConfig) -> TestSet:
    """The test set, made where it is missing. Sets thread counts, which may change last digits."""
    torch.set_num_threads(config.threads)
    cv2.setNumThreads(1)
    if config.predict_from_photo is not None:
        return open_stacks(config.set / str(config.stacks.layout), config.predict_from_photo, config.stacks)
    return open_set(config.set, config.part)


def run(config: BenchmarkConfig) -> BenchmarkReport:
    """Score all contestants and write the report. Raises UserError for a wrong configuration or answer."""
    test_set = prepare(config)
    perceptual = available(config.clip)
    methods = contestants(config, {task.id for scene in test_set.scenes for task in scene.tasks})
    scores: dict[str, list[SceneScores]] = defaultdict(list)
    shutil.rmtree(config.out / ANSWERS, ignore_errors=True)  # of an earlier run

    def keep(contestant: Contestant, task: Task, picture: Picture) -> None:
        write_picture(config.out / ANSWERS / contestant.name / f"{task.id}.png", picture)

    for scene in test_set.scenes:
        LOG.info("scoring %s", scene.name)
        for name, found in score_scene(scene, methods, perceptual, keep).items():
            scores[name].append(found)
    report = BenchmarkReport(
        part=config.stacks.layout or config.part,
        test_set=test_set,
        summaries=_summaries(methods, scores, next(iter(config.named()), None)),
        scores=dict(scores),
        compared_with=next(iter(config.named()), None),
        unavailable=dict(perceptual.not_run),
        page=config.out / PAGE_FILE,
    )
    write_report(report, config.out, keep_answers=config.keep_answers)
    return report


def _summaries(
    contestants: Sequence[Contestant], scores: Mapping[str, Sequence[SceneScores]], compared_with: str | None
) -> tuple[Summary, ...]:
    """One a method, over all its runs; compared with one of them."""
    runs: dict[str, list[Sequence[SceneScores]]] = defaultdict(list)
    for contestant in contestants:
        runs[contestant.method].append(scores[contestant.name])
    first = {contestant.method: contestant for contestant in reversed(contestants)}
    against = None if compared_with is None else runs[compared_with]
    return tuple(
        Summary.from_scores(first[name], runs[name], None if name == compared_with else against) for name in runs
    )
