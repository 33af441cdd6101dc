"""Pictures of the errors: reference, ours and direct scatter side by side; the instrument's line."""

from pathlib import Path

import matplotlib
import numpy as np
import torch
from torch import Tensor

from pipelines.pictures.grid import Cell, Row, contact_sheet, signed_error
from pipelines.pictures.srgb8 import to_srgb8
from pipelines.validate.instrument import InstrumentCheck
from pipelines.validate.references import Reference

matplotlib.use("Agg")
import matplotlib.pyplot as plt

ERROR_GAIN = 4


def draw_comparison(reference: Reference, shown: dict[str, Tensor], frames: tuple[int, ...], path: Path) -> None:
    """One row a frame: all in focus, the path tracer's frame, then each method and its error, four times enlarged."""
    aif, truths = to_srgb8(torch.from_numpy(reference.aif)[None])[0], to_srgb8(torch.from_numpy(reference.frames))
    methods = {name: to_srgb8(pictures) for name, pictures in shown.items()}
    rows = []
    for f in frames:
        cells = [Cell(aif, "all in focus"), Cell(truths[f], "path tracer")]
        for name, pictures in methods.items():
            error = signed_error(pictures[f], truths[f], ERROR_GAIN)
            cells += [Cell(pictures[f], name), Cell(error, f"{name}: error x {ERROR_GAIN}")]
        rows.append(Row(cells))
    path.parent.mkdir(parents=True, exist_ok=True)
    contact_sheet(reference.name, rows, cell_width_px=aif.shape[1]).save(path, quality=88)


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
