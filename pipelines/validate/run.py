"""`validate`: references, methods, errors, pictures.

scenes ──path_trace──▶ references ─┬─ aif, disparity ──methods──▶ frames ─┐
                                   └─ frames ─────────────────────────────┴──▶ errors ──▶ table, pictures
"""

from __future__ import annotations

import dataclasses
import json
import logging
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from pipelines.errors import UserError
from pipelines.validate import degraded_depth
from pipelines.validate.config import ValidateConfig
from pipelines.validate.instrument import InstrumentCheck, check_instrument
from pipelines.validate.methods import METHODS
from pipelines.validate.pictures import draw_comparison, draw_instrument
from pipelines.validate.references import Effort, Reference, load, save, trace
from pipelines.validate.table import Errors, ErrorTable, errors_of

LOG = logging.getLogger(__name__)
QUIETER_DB = {"terrain": 8.0}  # rendered to 51 dB: the reference must be quieter than elsewhere
SHOWN = ("ours", "direct scatter")
SHOWN_FRAMES = (3, 5)  # the stronger blur, focused near and far


@dataclass(frozen=True)
class ValidationResult:
    """What `validate` found, ready for JSON."""

    table: ErrorTable
    instrument: InstrumentCheck
    out: str
    degraded: tuple[degraded_depth.DegradedDepth, ...]

    def summary(self) -> str:
        """The tables and the instrument's line."""
        return f"{self.markdown()}\n{self.instrument.summary()}\npictures and table in {self.out}"

    def markdown(self) -> str:
        """What table.md holds."""
        return f"{self.table.markdown()}\n{degraded_depth.markdown(self.degraded)}"

    def to_json(self) -> dict[str, object]:
        """One object: per scene and method psnr, ssim, whole-frame psnr (one entry a frame); means; instrument."""
        table = self.table
        return {
            "scenes": {
                scene: {
                    "noise_psnr": table.noise_psnr[scene],
                    "methods": {m: _numbers(table.of(scene, m)) for m in table.methods},
                }
                for scene in table.scenes
            },
            "mean_psnr": {m: table.mean_psnr(m) for m in table.methods},
            "mean_ssim": {m: table.mean_ssim(m) for m in table.methods},
            "degraded": degraded_depth.to_json(self.degraded),
            "instrument": dataclasses.asdict(self.instrument),
        }


def run(config: ValidateConfig) -> ValidationResult:
    """Trace what is missing, render, compare, draw. Raises UserError when a tracer is needed and missing."""
    torch.set_num_threads(config.threads)
    errors: list[Errors] = []
    noise = {}
    rows = []
    for name in config.scenes:
        reference = _reference(config, name)
        noise[name] = reference.noise_psnr
        image, disparity = torch.from_numpy(reference.aif), torch.from_numpy(reference.disparity)
        shown: dict[str, Tensor] = {}
        for method, render in METHODS.items():
            frames = render(image, disparity, reference.lenses)
            errors.append(errors_of(reference, method, frames))
            if method in SHOWN:
                shown[method] = frames
            LOG.info("%s, %s: %.1f dB", name, method, errors[-1].mean_psnr)
        exact = next(e.mean_psnr for e in errors if (e.scene, e.method) == (name, "ours"))
        rows.append(degraded_depth.degraded_depth(reference, exact))
        LOG.info("%s, degraded depth: %.0f %% of the loss recovered", name, 100 * rows[-1].recovered_share)
        draw_comparison(reference, shown, SHOWN_FRAMES, config.out / f"{name}.jpg")
    result = ValidationResult(ErrorTable(tuple(errors), noise), check_instrument(), str(config.out), tuple(rows))
    draw_instrument(result.instrument, config.out / "instrument.svg")
    (config.out / "table.md").write_text(result.markdown(), encoding="utf-8")
    (config.out / "errors.json").write_text(json.dumps(result.to_json(), indent=1, sort_keys=True), encoding="utf-8")
    return result


def _reference(config: ValidateConfig, name: str) -> Reference:
    path = config.out / "references" / f"{name}-{config.width}-{config.seed}.npz"
    if not path.exists():
        _trace(config, name, path)
    return load(path)


def _trace(config: ValidateConfig, name: str, path: Path) -> None:
    try:
        from pipelines.validate.path_trace import Camera, start_mitsuba
    except ImportError as error:
        raise UserError(f"{path} is missing and tracing it needs Mitsuba 3: pip install mitsuba ({error})") from error
    from pipelines.validate.references import reference_lenses
    from pipelines.validate.scenes import reference_scene

    LOG.info("tracing %s with %s", name, start_mitsuba().variant())
    camera = Camera(height=2 * config.width // 3, width=config.width)
    scene = reference_scene(name, config.seed)
    effort = Effort(noise_psnr=config.noise_psnr + QUIETER_DB.get(name, 0.0))
    save(trace(scene, camera, reference_lenses(scene, camera.width), effort), path)


def _numbers(errors: Errors) -> dict[str, object]:
    return {
        "psnr": errors.psnr,
        "ssim": errors.ssim,
        "whole_psnr": errors.whole_psnr,
        "mean_psnr": errors.mean_psnr,
    }
