"""`validate`: references, methods, errors, pictures.

scenes ──path_trace──▶ references ─┬─ aif, disparity ──methods──▶ frames ─┐
                                   └─ frames ─────────────────────────────┴──▶ errors ──▶ table, pictures
references ──degraded_depth──▶ a second table; built-in kinds ──exact_layers──▶ a third; checks ──▶ a fourth
real stereo pairs ──stereo──▶ one more, where --stereo names some
"""

import dataclasses
import json
import logging
from dataclasses import dataclass

import torch
from torch import Tensor

from pipelines.runs.verb_result import VerbResult
from pipelines.validate import degraded_depth, stereo
from pipelines.validate.checks import check
from pipelines.validate.checks.check import Check
from pipelines.validate.checks.run import all_checks, logged
from pipelines.validate.config import ValidateConfig
from pipelines.validate.exact_layers import exact_table
from pipelines.validate.instrument import InstrumentCheck, check_instrument
from pipelines.validate.iris import IrisCheck, check_iris
from pipelines.validate.methods import METHODS
from pipelines.validate.path_trace import Camera, start_mitsuba
from pipelines.validate.pictures import comparison, draw_comparison, draw_instrument
from pipelines.validate.references import Effort, Reference, load, reference_lenses, save, trace
from pipelines.validate.scenes import reference_scene
from pipelines.validate.table import Errors, ErrorTable, errors_of

LOG = logging.getLogger(__name__)
QUIETER_DB = {"terrain": 8.0, "statue": 5.0, "interior": 5.0, "corridor": 4.0, "ground": 4.0}
"""These are rendered to 42 dB and more: their references must be quieter than the others' 50 dB by that much."""
SHOWN = ("ours", "Ikoma 2021")
SHOWN_FRAMES = (3, 5)  # the stronger blur, focused near and far


@dataclass(frozen=True)
class ValidationResult(VerbResult):
    """All measurements of one run of `validate`."""

    table: ErrorTable
    degraded: tuple[degraded_depth.DegradedDepth, ...]
    exact: ErrorTable
    stereo: tuple[stereo.HiddenPixels, ...]
    checks: tuple[Check, ...]
    instrument: InstrumentCheck
    iris: IrisCheck
    out: str

    def markdown(self) -> str:
        """A table each: scenes, depth degraded and sharpened, exact layers, stereo pairs if there are any, checks."""
        exact = f"exact layers\n\n{self.exact.markdown()}"
        checks = f"checks\n\n{check.markdown(self.checks)}"
        pairs = [stereo.markdown(self.stereo)] if self.stereo else []
        return "\n\n".join([self.table.markdown(), degraded_depth.markdown(self.degraded), exact, *pairs, checks])

    def summary(self) -> str:
        lines = f"{self.instrument.summary()}\n{self.iris.summary()}"
        return f"{self.markdown()}\n\n{lines}\npictures and table in {self.out}"

    def to_json(self) -> dict[str, object]:
        """One object: per scene and method psnr, ssim, whole-frame psnr (one entry a frame); means; instrument; iris.

        "degraded" holds the depth that a network would give, "exact" the built-in kinds with their exact layers,
        "stereo" the hidden pixels of real pairs, "checks" the worst value of each check, its bar, and whether it is
        met.
        """
        return {
            **self.table.to_json(),
            "degraded": degraded_depth.to_json(self.degraded),
            "exact": self.exact.to_json(),
            "stereo": stereo.to_json(self.stereo),
            "checks": {found.what: found.to_json() for found in self.checks},
            "instrument": dataclasses.asdict(self.instrument),
            "iris": dataclasses.asdict(self.iris),
        }


def run(config: ValidateConfig) -> ValidationResult:
    """Trace missing references, render, compare, draw. Raises UserError when a tracer is needed and missing."""
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
        draw_comparison(name, comparison(reference, shown, SHOWN_FRAMES), config.out / f"{name}.jpg")
    table = ErrorTable(tuple(errors), noise)
    exact_layers = exact_table(config.out / "references", config.kinds, config.seed)
    iris = check_iris(config.out / "references" / f"iris-{config.width}-{config.seed}.npz", config.width, config.seed)
    pairs = tuple(map(stereo.measure, stereo.read_pairs(config.stereo))) if config.stereo else ()
    if not pairs:
        LOG.info("no stereo pairs: hidden content is not held against real pixels (--stereo DIR)")
    checks = tuple(logged(all_checks(config.kinds))) if config.checks else ()
    instrument = check_instrument()
    result = ValidationResult(table, tuple(rows), exact_layers, pairs, checks, instrument, iris, str(config.out))
    draw_instrument(result.instrument, config.out / "instrument.svg")
    (config.out / "table.md").write_text(result.markdown() + "\n", encoding="utf-8")
    (config.out / "errors.json").write_text(json.dumps(result.to_json(), indent=1, sort_keys=True), encoding="utf-8")
    return result


def _reference(config: ValidateConfig, name: str) -> Reference:
    path = config.out / "references" / f"{name}-{config.width}-{config.seed}.npz"
    if not path.exists():
        LOG.info("tracing %s with %s", name, start_mitsuba().variant())
        camera = Camera(height=2 * config.width // 3, width=config.width)
        scene = reference_scene(name, config.seed)
        effort = Effort(noise_psnr=config.noise_psnr + QUIETER_DB.get(name, 0.0))
        save(trace(scene, camera, reference_lenses(scene, camera.width), effort), path)
    return load(path)
