"""Errors of every method on every scene, as numbers, as a Markdown table, and as means."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import fmean

import torch
from torch import Tensor

from pipelines.measure.rendering_error import psnr, ssim, without_border
from pipelines.runs.markdown import markdown_table
from pipelines.validate.references import TracedFrames


@dataclass(frozen=True)
class Errors:
    """One method on one scene: PSNR (dB) and SSIM of the interior, PSNR of the whole frame; one entry a frame."""

    scene: str
    method: str
    psnr: tuple[float, ...]
    ssim: tuple[float, ...]
    whole_psnr: tuple[float, ...]

    @property
    def mean_psnr(self) -> float:
        """Mean over the frames, in dB."""
        return fmean(self.psnr)


@dataclass(frozen=True)
class ErrorTable:
    """All errors, with the references' own noise (PSNR in dB, one entry a frame) by scene."""

    errors: tuple[Errors, ...]
    noise_psnr: dict[str, tuple[float, ...]]

    def entry(self, scene: str, method: str) -> Errors:
        return next(e for e in self.errors if (e.scene, e.method) == (scene, method))

    @property
    def scenes(self) -> list[str]:
        """Names, in the order of measuring."""
        return list(self.noise_psnr)

    @property
    def methods(self) -> list[str]:
        """Names, ours first."""
        return list(dict.fromkeys(e.method for e in self.errors))

    def mean_psnr(self, method: str) -> float:
        """Mean over scenes of the scene's mean, in dB."""
        return fmean(self.entry(scene, method).mean_psnr for scene in self.scenes)

    def mean_ssim(self, method: str) -> float:
        """Mean over scenes and frames."""
        return fmean(value for scene in self.scenes for value in self.entry(scene, method).ssim)

    def markdown(self) -> str:
        """PSNR of the interior, mean of the frames, in dB; SSIM in brackets in the last row."""
        rows = []
        for scene in self.scenes:
            cells = [f"{self.entry(scene, method).mean_psnr:.1f}" for method in self.methods]
            rows.append([scene, *cells, f"{min(self.noise_psnr[scene]):.0f}"])
        means = [f"**{self.mean_psnr(m):.1f}** ({self.mean_ssim(m):.4f})" for m in self.methods]
        rows.append(["**mean** (SSIM)", *means, ""])
        return markdown_table(["scene", *self.methods, "noise of the reference"], rows)

    def to_json(self) -> dict[str, object]:
        """Noise and errors by scene and method, one entry a frame, and the means by method."""
        measures = ("psnr", "ssim", "whole_psnr", "mean_psnr")
        scenes = {}
        for scene in self.scenes:
            entries = {m: self.entry(scene, m) for m in self.methods}
            errors = {m: {name: getattr(entry, name) for name in measures} for m, entry in entries.items()}
            scenes[scene] = {"noise_psnr": self.noise_psnr[scene], "methods": errors}
        means = {"mean_psnr": self.mean_psnr, "mean_ssim": self.mean_ssim}
        return {"scenes": scenes, **{name: {m: mean(m) for m in self.methods} for name, mean in means.items()}}


def errors_of(reference: TracedFrames, method: str, frames: Iterable[Tensor]) -> Errors:
    """Compare one method's frames [3, H, W] with the reference's."""
    psnrs, ssims, wholes = [], [], []
    truths = torch.from_numpy(reference.frames)
    for frame, truth, border in zip(frames, truths, reference.max_radius_px, strict=True):
        inside, inside_truth = (without_border(picture, math.ceil(border)) for picture in (frame, truth))
        psnrs.append(psnr(inside, inside_truth))
        ssims.append(ssim(inside, inside_truth))
        wholes.append(psnr(frame, truth))
    return Errors(reference.name, method, tuple(psnrs), tuple(ssims), tuple(wholes))
