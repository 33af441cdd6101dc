"""The experiment's outcome: a Markdown table, paired differences with intervals; everything as JSON."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipelines.experiment.scores import HeldOutScores, mean_of_known
from pipelines.measure.bootstrap import Interval, over_scenes
from pipelines.runs.markdown import markdown_table

MEASURES = {
    "psnr": ("PSNR, dB", "{:.2f}"),
    "ssim": ("SSIM", "{:.4f}"),
    "psnr_in_focus": ("in focus, dB", "{:.2f}"),
    "psnr_defocused": ("defocused, dB", "{:.2f}"),
    "psnr_without_depth": ("without depth, dB", "{:.2f}"),
    "psnr_from_frame": ("from a frame, dB", "{:.2f}"),
    "psnr_from_frame_in_focus": ("from a frame, in focus, dB", "{:.2f}"),
    "control": ("control correlation", "{:.3f}"),
    "focus_error": ("focus error", "{:.3f}"),
    "stack_error": ("stack error", "{:.4f}"),
}
"""Heading and format of every measure of HeldOutScores."""


@dataclass(frozen=True)
class Arm:
    """One method and its scores, scene by scene."""

    name: str
    scores: tuple[HeldOutScores, ...]

    def mean(self, measure: str) -> float:
        """Over the scenes that have something to measure."""
        return mean_of_known([getattr(score, measure) for score in self.scores])


def table(arms: Sequence[Arm]) -> str:
    """Markdown: one row per measure, one column per method."""
    rows = [[heading, *(form.format(arm.mean(name)) for arm in arms)] for name, (heading, form) in MEASURES.items()]
    return markdown_table(["measure", *(arm.name for arm in arms)], rows)


def differences(base: Arm, other: Arm) -> str:
    """Markdown: how much higher `other` is than `base`, paired by scene, with the 95 % interval over scenes."""
    rows = []
    for name, (heading, form) in MEASURES.items():
        found, signed = difference(base, other, name), form.replace("{:", "{:+")
        rows.append([heading, signed.format(found.value), f"{signed.format(found.low)} … {signed.format(found.high)}"])
    return markdown_table([f"{other.name} minus {base.name}", "difference", "95 % interval over scenes"], rows)


def difference(base: Arm, other: Arm, measure: str) -> Interval:
    """Mean of the paired differences; scenes in which one of the two has nothing to measure are left out."""
    theirs = {score.scene: getattr(score, measure) for score in base.scores}
    pairs = [getattr(score, measure) - theirs[score.scene] for score in other.scores]
    known = [[pair] for pair in pairs if not math.isnan(pair)]
    return over_scenes(known, mean_of_known) if known else Interval(*[float("nan")] * 3)


def to_json(arms: Sequence[Arm]) -> dict[str, object]:
    """Means and scenes by method; what could not be measured is left out."""

    def plain(values: Mapping[str, object]) -> dict[str, object]:
        return {name: v for name, v in values.items() if not (isinstance(v, float) and math.isnan(v))}

    return {
        arm.name: {
            "mean": plain({measure: arm.mean(measure) for measure in MEASURES}),
            "scenes": [plain(dataclasses.asdict(score)) for score in arm.scores],
        }
        for arm in arms
    }
