"""How well the test for blur tells sharp photos from the same ones blurred: `python -m pipelines.validate.vetting_roc`.

Sharp are the photos and built-in scenes as they are; blurred are frames rendered from them, counted by the share of the
frame whose blur radius is above 2 px. Prints a table of both kinds of error over thresholds, and draws the ROC.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro
from numpy.typing import NDArray
from scipy.stats import mannwhitneyu

from pipelines.render.config import DepthConfig, RenderConfig, SourceConfig, StackConfig, StorageConfig, VettingConfig
from pipelines.render.run import render
from pipelines.render.sample.sharpness import blurred_share
from pipelines.runs.markdown import markdown_table
from shards.reader import read_shards
from shards.sample import Sample

BLURRED_PX = 2.0
"""Radius above which a pixel counts as blurred."""
SHARES = (0.1, 0.3, 0.5)
"""Curves: frames with at least this share of blurred pixels must be found."""
THRESHOLDS = (0.1, 0.15, 0.2, 0.25, 0.3, 0.4)


@dataclass(frozen=True)
class Judged:
    """One picture: its true share of blurred pixels, and the share that the test measures."""

    true_share: float
    measured_share: float


def judged(sample: Sample) -> Iterator[Judged]:
    """The all-in-focus photo, then every frame."""
    yield Judged(0.0, blurred_share(sample.aif))
    disparity = sample.disparity_values()
    for pixels, frame in zip(sample.frames, sample.record.frames, strict=True):
        radius_px = frame.blur_scale_px * np.abs(disparity - frame.focus_disparity)
        yield Judged(float((radius_px > BLURRED_PX).mean()), blurred_share(pixels))


def rates(pictures: Sequence[Judged], true_share: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Measured shares of the sharp pictures and of those with at least this much blur."""
    sharp = np.array([p.measured_share for p in pictures if p.true_share == 0])
    blurred = np.array([p.measured_share for p in pictures if p.true_share >= true_share])
    return sharp, blurred


def area_under_curve(sharp: NDArray[np.float64], blurred: NDArray[np.float64]) -> float:
    """Chance that a blurred picture measures above a sharp one, ties counted half (Mann and Whitney)."""
    return float(mannwhitneyu(blurred, sharp).statistic / (blurred.size * sharp.size))


def table(pictures: Sequence[Judged]) -> str:
    """Markdown: share of sharp pictures rejected, and of blurred ones found, by threshold."""
    curves = {share: rates(pictures, share) for share in SHARES}
    blurred = [found for _, found in curves.values()]
    counts = [f">= {share:.0%} blurred ({len(b)})" for share, (_, b) in curves.items()]
    sharp = next(iter(curves.values()))[0]
    shares = [(str(t), *(f"{(values > t).mean():.1%}" for values in (sharp, *blurred))) for t in THRESHOLDS]
    areas = [f"{area_under_curve(*curve):.4f}" for curve in curves.values()]
    head = ["`--max-blurred`", f"sharp, rejected ({len(sharp)})", *counts]
    return markdown_table(head, [*shares, ("area under the curve", "", *areas)])


def draw(pictures: Sequence[Judged], path: Path) -> None:
    """The ROC as SVG, the same bytes each time."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "refocus-foundry"
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(5, 4), layout="constrained")
    steps = np.linspace(0, 1, 401)
    for share in SHARES:
        sharp, blurred = rates(pictures, share)
        wrong, right = ((shares[None] > steps[:, None]).mean(axis=1) for shares in (sharp, blurred))
        axes.step(wrong, right, where="post", label=f"at least {share:.0%} of the frame blurred")
    axes.set(xlabel="sharp pictures rejected", ylabel="blurred pictures found", xlim=(-0.01, 0.5), ylim=(0.5, 1.01))
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right", frameon=False)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def _rendered(out: Path, photos: str) -> Iterator[Sample]:
    """Stacks with every blur level from 0.3 to 4 percent of the long side, as a run makes them."""
    config = RenderConfig(
        source=SourceConfig(photos=photos, long_side=768),
        out=out,
        depth=DepthConfig(depth="sidecar", offline=True),
        vetting=VettingConfig(max_blurred=1.0),
        stack=StackConfig(planes=3, levels=4, blur_level_min=0.3),
        storage=StorageConfig(image_format="png", samples_per_shard=8),
    )
    render(config)
    return read_shards(out, seed=None)


def main(
    photos: tuple[str, ...] = ("builtin:24",),
    out: Path = Path("out/vetting"),
    picture: Path = Path("docs/vetting_roc.svg"),
) -> None:
    """Render, judge, print, draw. photos: folders with sidecars, or builtin:N."""
    samples = (sample for number, folder in enumerate(photos) for sample in _rendered(out / str(number), folder))
    pictures = [each for sample in samples for each in judged(sample)]
    print(table(pictures))
    draw(pictures, picture)


if __name__ == "__main__":
    tyro.cli(main)
