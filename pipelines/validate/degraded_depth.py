"""The loss of PSNR by soft, misplaced depth, and the share that sharpening to the photo's edges recovers.

    exact disparity ─┬────────────────────────────────────▶ render ─▶ exact
                     └─degrade─┬──────────────────────────▶ render ─▶ degraded
                               └─sharpen to the photo ────▶ render ─▶ sharpened         each against the path tracer

Recovered share = (sharpened − degraded) / (exact − degraded), of PSNR in dB: 1 recovers all of the loss, 0 none.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

import torch
from torch import Tensor

from pipelines.render.depth.degraded import degraded
from pipelines.runs.markdown import markdown_table
from pipelines.validate.references import Reference
from pipelines.validate.table import errors_of
from simulator import render_stack
from simulator.layers.edges import sharpened

SOFTNESS_PX = 2.0
SHIFT_PX = 1.0


@dataclass(frozen=True)
class DegradedDepth:
    """One scene: mean PSNR of the frames' interior, in dB, from each of the three maps."""

    scene: str
    exact: float
    degraded: float
    sharpened: float

    @property
    def recovered_share(self) -> float:
        """Share of the loss that sharpening recovers; 0 where nothing was lost."""
        loss = self.exact - self.degraded
        return (self.sharpened - self.degraded) / loss if loss > 0 else 0.0


def degraded_depth(reference: Reference, exact_psnr: float) -> DegradedDepth:
    """Measure one scene; `exact_psnr` is what `render_stack` reaches from its exact disparity, in dB."""
    image, exact = torch.from_numpy(reference.aif), torch.from_numpy(reference.disparity)
    soft = degraded(exact, seed=reference.seed, softness_px=SOFTNESS_PX, shift_px=SHIFT_PX)
    return DegradedDepth(
        scene=reference.name,
        exact=exact_psnr,
        degraded=_psnr(reference, image, soft),
        sharpened=_psnr(reference, image, sharpened(soft, image)),
    )


def mean(rows: Sequence[DegradedDepth]) -> DegradedDepth:
    """The mean PSNRs over scenes; its share is that of the mean loss."""
    return DegradedDepth(
        "mean", fmean(r.exact for r in rows), fmean(r.degraded for r in rows), fmean(r.sharpened for r in rows)
    )


def markdown(rows: Sequence[DegradedDepth]) -> str:
    """One line a scene, dB and the share in percent."""
    head = ["degraded depth", "exact", "degraded", "degraded + sharpened", "recovered share"]
    lines = [[r.scene, *_cells(r)] for r in rows]
    lines.append(["**mean**", *(f"**{cell}**" for cell in _cells(mean(rows)))])
    return markdown_table(head, lines)


def to_json(rows: Sequence[DegradedDepth]) -> dict[str, object]:
    """The same as numbers, with the parameters of the degradation."""
    return {
        "softness_px": SOFTNESS_PX,
        "shift_px": SHIFT_PX,
        "scenes": {r.scene: _numbers(r) for r in rows},
        "mean": _numbers(mean(rows)),
    }


def _psnr(reference: Reference, image: Tensor, disparity: Tensor) -> float:
    return errors_of(reference, "ours", render_stack(image, disparity, reference.lenses)).mean_psnr


def _cells(row: DegradedDepth) -> list[str]:
    return [f"{v:.1f}" for v in (row.exact, row.degraded, row.sharpened)] + [f"{100 * row.recovered_share:.0f} %"]


def _numbers(row: DegradedDepth) -> dict[str, float]:
    return {name: getattr(row, name) for name in ("exact", "degraded", "sharpened", "recovered_share")}
