"""Pictures of the errors: ours, reference and opponent side by side; the instrument's line."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import matplotlib
import numpy as np
import torch
from torch import Tensor

from pipelines.measure.rendering_error import psnr
from pipelines.pictures.grid import Cell, Picture, Row, contact_sheet
from pipelines.pictures.srgb8 import to_srgb8
from pipelines.validate.instrument import InstrumentCheck
from pipelines.validate.references import Reference

matplotlib.use("Agg")
import matplotlib.pyplot as plt

CROP_PX, ENLARGED = 136, 2
"""Three columns of such crops, twice enlarged, have the width of a README."""


def comparison(reference: Reference, shown: Mapping[str, Tensor], frames: Sequence[int]) -> list[Row]:
    """One row a frame: ours, the path tracer's frame and the opponent's, cut out where the two methods err most.

    shown: ours, then the opponent, each float32 [L, 3, H, W] linear light.
    """
    (ours, mine), (opponent, theirs) = ((name, to_srgb8(pictures)) for name, pictures in shown.items())
    light = torch.from_numpy(reference.frames)
    truths = to_srgb8(light)
    rows = []
    for f in frames:
        crop = _worst_crop(mine[f], theirs[f], truths[f])
        errors = {name: f"{psnr(pictures[f], light[f]):.1f} dB" for name, pictures in shown.items()}
        cells = [
            Cell(mine[f][crop], f"{ours}: {errors[ours]}"),
            Cell(truths[f][crop], "path tracer"),
            Cell(theirs[f][crop], f"{opponent}: {errors[opponent]}"),
        ]
        rows.append(Row(cells, reference.name))
    return rows


def draw_comparison(title: str, rows: Sequence[Row], path: Path) -> None:
    """A sheet that is read at the width of a README."""
    path.parent.mkdir(parents=True, exist_ok=True)
    contact_sheet(title, rows, cell_width_px=ENLARGED * CROP_PX).save(path, quality=88)


def _worst_crop(ours: Picture, theirs: Picture, truth: Picture) -> tuple[slice, slice]:
    """Rows and columns, at most CROP_PX wide and three quarters as high, with the largest errors of both."""
    height, width = truth.shape[0], truth.shape[1]
    across, down = min(CROP_PX, width), min(3 * CROP_PX // 4, height)
    errors = sum(((picture.astype(np.float32) - truth) ** 2).sum(axis=2) for picture in (ours, theirs))
    sums = cv2.boxFilter(errors, -1, (across, down), anchor=(0, 0), normalize=False, borderType=cv2.BORDER_CONSTANT)
    places = sums[: height - down + 1, : width - across + 1]
    y, x = np.unravel_index(places.argmax(), places.shape)
    return slice(int(y), int(y) + down), slice(int(x), int(x) + across)


def draw_instrument(check: InstrumentCheck, path: Path) -> None:
    """Measured against labeled radius, and the relative residual below."""
    figure, (line, rest) = plt.subplots(
        2, 1, figsize=(6.4, 6.0), sharex=True, height_ratios=(3, 1), layout="constrained"
    )
    labeled, measured = np.array(check.labeled_px), np.array(check.measured_px)
    line.plot(labeled, labeled, color="0.75", label="label")
    line.plot(labeled, measured, "o", color="#c0392b", markersize=4, label="measured from the second moment")
    line.set(xscale="log", yscale="log", ylabel="measured radius (px)", title=check.summary().split(", r from")[0])
    line.title.set_fontsize(9)
    line.legend(frameon=False)
    rest.axhspan(-1, 1, color="0.93")
    rest.plot(labeled, 100 * (measured / labeled - 1), "o-", color="#c0392b", markersize=3, linewidth=0.8)
    rest.set(xlabel="labeled radius (px)", ylabel="residual (%)", ylim=(-1.5, 1.5))
    figure.savefig(path)
    plt.close(figure)
