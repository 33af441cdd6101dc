"""Plots of the report as SVG text."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np

from pipelines.benchmark.recipe import DIFFICULTIES
from pipelines.benchmark.scoring import SceneScores
from pipelines.benchmark.summary import Summary
from pipelines.benchmark.tasks import KINDS
from pipelines.pages.plot import COLORS, GRID, QUIET, STYLE, svg_text

MARKS = {"easy": "o", "medium": "s", "hard": "^"}


def control_plot(scores: Mapping[str, Sequence[SceneScores]]) -> str:
    """Fitted against requested radius, one panel per contestant on equal axes, with the diagonal."""
    columns = min(3, len(scores))
    rows = -(-len(scores) // columns)
    points = {name: _points(scenes) for name, scenes in scores.items()}
    limit = 1.05 * max((max(p[:2]) for values in points.values() for p in values), default=1.0)
    with plt.rc_context(STYLE):
        figure, panels = plt.subplots(
            rows, columns, figsize=(3.1 * columns, 3.0 * rows), sharex=True, sharey=True, squeeze=False,
            layout="constrained",
        )  # fmt: skip
        for panel, (name, values) in zip(panels.flat, points.items(), strict=False):
            panel.plot([0, limit], [0, limit], color=QUIET, linewidth=1, zorder=1)
            for level, color in zip(DIFFICULTIES, COLORS, strict=False):
                chosen = np.array([p[:2] for p in values if p[2] == level]).reshape(-1, 2)
                panel.scatter(chosen[:, 0], chosen[:, 1], s=18, marker=MARKS[level], color=color, alpha=0.75, lw=0,
                              label=level, zorder=2)  # fmt: skip
            panel.set(title=name, xlim=(0, limit), ylim=(0, limit), aspect="equal")
            panel.grid(color=GRID, linewidth=0.6)
        for panel in panels.flat[len(points) :]:
            panel.axis("off")
        figure.supxlabel("requested radius (px, 95th percentile)", fontsize=10)
        figure.supylabel("fitted radius (px)", fontsize=10)
        handles, labels = panels[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper right", ncols=3, frameon=False)
        return svg_text(figure)


def _points(scenes: Sequence[SceneScores]) -> list[tuple[float, float, str]]:
    every = [score for scene in scenes for score in scene.tasks]
    return [(s.control.requested_px, s.control.fitted_px, s.difficulty) for s in every if s.control]


def strata_plot(summaries: Sequence[Summary]) -> str:
    """PSNR of every kind of task and radius error, by difficulty; whiskers are the intervals."""
    panels = [*((kind, "psnr") for kind in KINDS), ("refocus", "error_px"), ("bokeh", "error_px")]
    shown = [s for s in summaries if s.name != "truth"]
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(2, 3, figsize=(10.4, 6.2), layout="constrained")
        for panel, (kind, measure) in zip(axes.flat, panels, strict=False):
            for number, summary in enumerate(shown):
                _errorbars(panel, summary, f"{kind}/{{}}/{measure}", number, len(shown))
            unit = "PSNR (dB)" if measure == "psnr" else "radius error (px)"
            panel.set(title=f"{kind}: {unit}", xticks=range(3), xticklabels=DIFFICULTIES, xlim=(-0.5, 2.5))
            panel.grid(axis="y", color=GRID, linewidth=0.6)
            if measure == "error_px":
                panel.set_ylim(bottom=0)
        axes.flat[-1].axis("off")
        handles, labels = axes[0, 1].get_legend_handles_labels()
        axes.flat[-1].legend(handles, labels, loc="center left", frameon=False)
        return svg_text(figure)


def _errorbars(panel: Any, summary: Summary, key: str, number: int, count: int) -> None:
    place = np.arange(3) + (number - (count - 1) / 2) * 0.8 / count
    intervals = (summary.figures.get(key.format(level)) for level in DIFFICULTIES)
    known = [(float(x), interval) for x, interval in zip(place, intervals, strict=True) if interval is not None]
    values = np.array([i.value for _, i in known])
    whiskers = np.array([[max(i.value - i.low, 0.0), max(i.high - i.value, 0.0)] for _, i in known]).reshape(-1, 2).T
    panel.errorbar([x for x, _ in known], values, yerr=whiskers, fmt="o", markersize=4.5, linewidth=1.2,
                   color=COLORS[number % len(COLORS)], label=summary.name)  # fmt: skip
