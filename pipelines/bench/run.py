"""One measurement from its configuration to a report: renderer, memory, pipeline, reader, one after the other."""

import logging
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pipelines.bench import memory, pipeline, renderers
from pipelines.bench.config import PARTS, BenchConfig
from pipelines.bench.feeding import feeding_rates
from pipelines.bench.machine import this_machine
from pipelines.bench.report import BenchReport, NotRun
from pipelines.bench.subject import FRAMES, FULL, KIND, QUICK, photo_like, write_photos
from pipelines.render.executors.worker import LEAST_HELPERS
from pipelines.runs.device import resolve_device, torch_threads
from shards.durable import write_durably
from shards.parallel import cores

RAY_WORKERS = (1, 2)
_SUBJECT = f"{KIND} as a photo with disparity; {FRAMES} lenses, direct and binned scatter render every third"

_log = logging.getLogger(__name__)


def run(config: BenchConfig) -> BenchReport:
    """Measure. Raises UserError when there is no such device, or the pipeline cannot run."""
    if config.plot:
        from pipelines.bench.plot import renderer_plot  # an extra: missed before anything is measured
    device = resolve_device(config.device)
    machine = this_machine(device, config.threads)
    not_run = [NotRun(part, "not named in --parts") for part in PARTS if part not in config.parts]
    fields: dict[str, Any] = dict.fromkeys(("renderer", "memory", "stages", "executors", "feeding"), ())
    fields |= {"direct_scatter": "", "reader": None}
    with torch_threads(config.threads):
        if "renderer" in config.parts:
            fields |= _renderer(config, device, not_run)
        if not {"pipeline", "feeding", "reader"}.isdisjoint(config.parts):
            fields |= _from_photos(config, device, not_run)
    if config.plot:
        write_durably(config.plot, renderer_plot(fields["renderer"]).encode())
    return BenchReport(machine=machine, subject=_SUBJECT, not_run=tuple(not_run), **fields)


def _renderer(config: BenchConfig, device: str, not_run: list[NotRun]) -> dict[str, Any]:
    direct = renderers.best_direct_scatter(device)
    if direct.built_with.startswith("eager"):
        not_run.append(NotRun("direct scatter, compiled", direct.built_with))
    rows, peaks = [], []
    for side in config.chosen_sizes:
        photo = photo_like(side).to(device)
        for radius in config.chosen_radii:
            _log.info("renderer: %d², r %d", side, radius)
            rows += renderers.measured(photo, radius, direct, repeats=config.chosen_repeats, device=device)
        _log.info("memory: %d², r %d", side, radius)
        on_gpu = device == "cuda"
        peaks.append(
            memory.peak_on_cuda(photo, radius) if on_gpu else memory.peak_on_cpu(photo, radius, config.threads)
        )
    return {"direct_scatter": direct.built_with, "renderer": tuple(rows), "memory": tuple(peaks)}


def _from_photos(config: BenchConfig, device: str, not_run: list[NotRun]) -> dict[str, Any]:
    photo_set = QUICK if config.quick else FULL
    turns = min(3, config.chosen_repeats) if "pipeline" in config.parts and not config.quick else 1
    not_run.append(NotRun("depth by a model", "needs its weights; depth comes from sidecars, exact"))
    with TemporaryDirectory(prefix="refocus-bench-") as name:
        folder = Path(name)
        _log.info("drawing %d photos, %d px", photo_set.photos, photo_set.long_side)
        write_photos(folder / "photos", photo_set)
        load = pipeline.workload(folder, folder / "photos", photo_set, device)
        fields: dict[str, Any] = {}
        if "feeding" in config.parts:
            _log.info("feeding a GPU")
            helpers = tuple(sorted({LEAST_HELPERS, max(LEAST_HELPERS, cores() - 1)}))
            fields["feeding"] = feeding_rates(load, helpers, config.chosen_repeats)
        if config.parts == ("feeding",):
            return fields
        _log.info("pipeline: inline, %d times", turns)
        inline = pipeline.inline_rates(load, turns)
        if "pipeline" in config.parts:
            rays = []
            for workers in RAY_WORKERS:
                _log.info("pipeline: Ray, workers: %d", workers)
                rays.append(pipeline.ray_rate(load, workers, inline))
            fields |= {"stages": inline.stages, "executors": (inline.executor, *rays)}
        if "reader" in config.parts:
            _log.info("reader")
            fields["reader"] = pipeline.reader_rate(inline.out, config.chosen_repeats)
    return fields
