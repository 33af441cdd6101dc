"""A plot of the renderer's measurement: milliseconds a frame over the largest radius, one panel a size."""

from collections.abc import Sequence

import matplotlib.pyplot as plt

from pipelines.bench.renderers import SETUP, RendererRow
from pipelines.pages.plot import COLORS, GRID, STYLE, svg_text


def renderer_plot(rows: Sequence[RendererRow]) -> str:
    """SVG, a file of its own. Bands: from the lower to the upper quartile; a stack's frames hold their set-up."""
    sides = sorted({row.side_px for row in rows})
    methods = [method for method in dict.fromkeys(row.method for row in rows) if method != SETUP]
    with plt.rc_context(STYLE):
        figure, panels = plt.subplots(
            1, len(sides), figsize=(4.6 * len(sides), 3.6), sharey=True, squeeze=False, layout="constrained"
        )
        for panel, side in zip(panels.flat, sides, strict=True):
            for method, color in zip(methods, COLORS, strict=False):
                mine = [row for row in rows if (row.method, row.side_px) == (method, side)]
                radii = [row.max_radius_px for row in mine]
                panel.plot(radii, [row.ms.median_ms for row in mine], "o-", markersize=4, color=color, label=method)
                low, high = ([getattr(row.ms, f"{end}_quartile_ms") for row in mine] for end in ("lower", "upper"))
                panel.fill_between(radii, low, high, color=color, alpha=0.2, linewidth=0)
            panel.set(title=f"{side} × {side}", xscale="log", yscale="log", xlabel="largest blur radius, px")
            panel.set_xticks(radii, labels=map(str, radii))
            panel.minorticks_off()
            panel.grid(color=GRID, linewidth=0.6)
        panels.flat[0].set_ylabel("ms a frame")
        figure.legend(*panels.flat[0].get_legend_handles_labels(), loc="outside upper left", ncols=3, frameon=False)
        return svg_text(figure, alone=True)
