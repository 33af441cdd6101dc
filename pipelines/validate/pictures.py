"""Pictures of the errors: reference, ours and direct scatter side by side; the instrument's line."""

from pathlib import Path

import cv2
import matplotlib
import numpy as np
import torch
from torch import Tensor

from pipelines.measure.rendering_error import displayed
from pipelines.validate.instrument import InstrumentCheck
from pipelines.validate.references import Reference

matplotlib.use("Agg")
import matplotlib.pyplot as plt

GAP_PX, LABEL_PX = 6, 26
ERROR_GAIN = 4.0


def draw_comparison(reference: Reference, shown: dict[str, Tensor], frames: tuple[int, ...], path: Path) -> None:
    """One row a frame: all in focus, the path tracer's frame, then each method and its error, four times enlarged."""
    rows = []
    for f in frames:
        truth = torch.from_numpy(reference.frames[f])
        cells = [("all in focus", displayed(torch.from_numpy(reference.aif))), ("path tracer", displayed(truth))]
        for name, pictures in shown.items():
            error = (displayed(pictures[f]) - displayed(truth)) * ERROR_GAIN + 0.5
            cells += [(name, displayed(pictures[f])), (f"{name}: error x {ERROR_GAIN:.0f}", error.clamp(0.0, 1.0))]
        rows.append(np.concatenate([_labelled(name, picture) for name, picture in cells], axis=1))
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.concatenate(rows)[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88])


def _labelled(name: str, picture: Tensor) -> np.ndarray:
    rgb = (picture * 255).round().to(torch.uint8).permute(1, 2, 0).numpy()
    framed = cv2.copyMakeBorder(rgb, LABEL_PX, GAP_PX, 0, GAP_PX, cv2.BORDER_CONSTANT, value=(255, 255, 255))
    return cv2.putText(framed, name, (2, LABEL_PX - 9), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (30, 30, 30), 1, cv2.LINE_AA)


def draw_instrument(check: InstrumentCheck, path: Path) -> None:
    """Measured against labelled radius, and the relative residual below."""
    figure, (line, rest) = plt.subplots(
        2, 1, figsize=(6.4, 6.0), sharex=True, height_ratios=(3, 1), layout="constrained"
    )
    labelled, measured = np.array(check.labelled_px), np.array(check.measured_px)
    line.plot(labelled, labelled, color="0.75", label="label")
    line.plot(labelled, measured, "o", color="#c0392b", markersize=4, label="measured from the second moment")
    line.set(xscale="log", yscale="log", ylabel="measured radius (px)", title=check.summary().split(", r from")[0])
    line.title.set_fontsize(9)
    line.legend(frameon=False)
    rest.axhspan(-1, 1, color="0.93")
    rest.plot(labelled, 100 * (measured / labelled - 1), "o-", color="#c0392b", markersize=3, linewidth=0.8)
    rest.set(xlabel="labelled radius (px)", ylabel="residual (%)", ylim=(-1.5, 1.5))
    figure.savefig(path)
    plt.close(figure)
