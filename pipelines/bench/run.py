"""One measurement from its configuration to a report: renderer, memory, pipeline, reader, one after the other."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from pipelines.bench import memory, pipeline, renderers, roofline, targets
from pipelines.bench.config import PARTS, BenchConfig
from pipelines.bench.growth import Growth, growth_in_frames, growths
from pipelines.bench.machine import this_machine
from pipelines.bench.memory import MemoryPeak
from pipelines.bench.photo_set import FULL, QUICK, write_photos
from pipelines.bench.pipeline import ExecutorRate, ReaderRate, StageRate, Workload
from pipelines.bench.renderers import RendererRow
from pipelines.bench.report import BenchReport, NotRun
from pipelines.bench.roofline import Rates, Roofline
from pipelines.bench.subject import FRAMES, KIND, photo_like
from pipelines.runs.device import resolve_device
from shards.storage import StoragePath

RAY_WORKERS = (1, 2)
_GROWTH_RADIUS_PX = 32

_log = logging.getLogger(__name__)


@dataclass
class _Found:
    """What comes together."""

    direct_scatter: str = ""
    renderer: list[RendererRow] = field(default_factory=list)
    growth: list[Growth] = field(default_factory=list)
    rates: Rates | None = None
    rooflines: list[Roofline] = field(default_factory=list)
    memory: list[MemoryPeak] = field(default_factory=list)
    stages: list[StageRate] = field(default_factory=list)
    executors: list[ExecutorRate] = field(default_factory=list)
    reader: ReaderRate | None = None
    not_run: list[NotRun] = field(default_factory=list)


def run(config: BenchConfig) -> BenchReport:
    """Measure. Raises UserError when there is no such device, or the pipeline cannot run."""
    device = resolve_device(config.device)
    machine = this_machine(device, config.threads)
    found = _Found()
    found.not_run += [NotRun(part, "not named in --parts") for part in PARTS if part not in config.parts]
    before = torch.get_num_threads()
    torch.set_num_threads(config.threads)
    try:
        if "renderer" in config.parts:
            _renderer(config, device, found)
        if "pipeline" in config.parts or "reader" in config.parts:
            _pipeline_and_reader(config, device, found)
    finally:
        torch.set_num_threads(before)
    aims = [
        *targets.renderer_targets(found.renderer, device),
        *targets.growth_targets(found.growth),
        *targets.memory_targets(found.memory, device),
        *targets.pipeline_targets(found.executors),
    ]
    return BenchReport(
        machine=machine,
        direct_scatter=found.direct_scatter,
        subject=f"a built-in scene ({KIND}) as a photo with its disparity; {FRAMES} lenses, of which direct and binned "
        "scatter render every third",
        renderer=tuple(found.renderer),
        growth=tuple(found.growth),
        rates=found.rates,
        rooflines=tuple(found.rooflines),
        memory=tuple(found.memory),
        stages=tuple(found.stages),
        executors=tuple(found.executors),
        reader=found.reader,
        targets=tuple(aims),
        not_run=tuple(found.not_run),
    )


def _renderer(config: BenchConfig, device: str, found: _Found) -> None:
    direct = renderers.best_direct_scatter(device)
    found.direct_scatter = direct.built_with
    if direct.built_with.startswith("eager"):
        found.not_run.append(NotRun("direct scatter, compiled", direct.built_with))
    sizes, radii, repeats = config.chosen_sizes, config.chosen_radii, config.chosen_repeats
    photos = {side: photo_like(side).to(device) for side in sizes}
    for side, photo in photos.items():
        for radius in radii:
            _log.info("renderer: %d², r %d", side, radius)
            found.renderer += renderers.measured(photo, radius, direct, repeats=repeats, device=device)
        if side == sizes[0]:
            radius = min(radii, key=lambda r: abs(r - _GROWTH_RADIUS_PX))
            by_frames = renderers.stacks_by_frames(photo, radius, repeats=repeats, device=device)
            found.growth += growth_in_frames(by_frames, f"{side}², r {radius}")
        _log.info("memory: %d², r %d", side, radii[-1])
        on_gpu = device == "cuda"
        found.memory.append(
            memory.peak_on_cuda(photo, radii[-1]) if on_gpu else memory.peak_on_cpu(photo, radii[-1], config.threads)
        )
    found.growth += growths(found.renderer)
    _log.info("roofline")
    found.rates = roofline.machine_rates(device, repeats)
    found.rooflines = roofline.rooflines(photos, found.renderer, found.rates)
    if len(sizes) < 2:
        found.not_run.append(NotRun("growth in pixels", "--sizes names one size"))
    if len(radii) < 2:
        found.not_run.append(NotRun("growth in radius", "--radii names one radius"))


def _pipeline_and_reader(config: BenchConfig, device: str, found: _Found) -> None:
    wanted = QUICK if config.quick else FULL
    turns = 1 if config.quick else min(3, config.chosen_repeats)
    found.not_run.append(NotRun("depth by a model", "needs its weights; depth comes from sidecars, exact"))
    with TemporaryDirectory(prefix="refocus-bench-") as name:
        folder = Path(name)
        _log.info("drawing %d photos, %d px", wanted.photos, wanted.long_side)
        write_photos(folder / "photos", wanted)
        load = pipeline.workload(folder, folder / "photos", wanted, device)
        out = _pipeline(load, turns, found) if "pipeline" in config.parts else pipeline.render_inline(load)
        if "reader" in config.parts:
            _log.info("reader")
            found.reader = pipeline.reader_rate(out, config.chosen_repeats)


def _pipeline(load: Workload, turns: int, found: _Found) -> StoragePath:
    """Stages alone, inline, Ray. Returns the folder of a data set."""
    _log.info("pipeline: stages alone and inline, %d times", turns)
    found.stages, inline, out = pipeline.inline_rates(load, turns)
    found.executors.append(inline)
    for workers in RAY_WORKERS:
        gpus = torch.cuda.device_count()
        if load.planning.device_kind == "cuda" and gpus < workers:
            found.not_run.append(NotRun(f"{workers} Ray workers", f"each needs a GPU, there are {gpus}"))
            continue
        _log.info("pipeline: Ray, workers: %d", workers)
        found.executors.append(pipeline.ray_rate(load, workers, found.stages))
    return out
