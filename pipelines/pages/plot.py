"""Plots as SVG that is the same every time, in the house's colors: no dates, no random ids.

Inside a page, texts and lines take the colors of its theme; a file of its own follows the system's.
"""

import io
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

INK, QUIET, GRID = "#010203", "#010204", "#010205"
_THEME = {INK: "var(--text)", QUIET: "var(--dim)", GRID: "var(--line)"}
_ALONE = (
    "<style>svg{background:#fff;--text:#1d1d1c;--dim:#66665f;--line:#dcdcd8}"
    "@media(prefers-color-scheme:dark){svg{background:#141414;--text:#e4e3df;--dim:#9b9a94;--line:#33332f}}</style>"
)
COLORS = ("#2b8cb0", "#d1493b", "#9467bd", "#d98a0b", "#45993f", "#a9693a", "#7a8793", "#d45087")
STYLE: dict[Any, Any] = {
    "svg.hashsalt": "refocus-foundry",
    "svg.fonttype": "none",
    "savefig.transparent": True,
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.edgecolor": QUIET,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.color": INK,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
}


def svg_text(figure: Any, *, alone: bool = False) -> str:
    """The picture's element, to stand in a page, or `alone` in a file; the figure is closed."""
    text = io.StringIO()
    figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    plt.close(figure)
    svg = text.getvalue()[text.getvalue().index("<svg") :]
    for color, variable in _THEME.items():
        svg = svg.replace(color, variable)
    return svg.replace(">", f">{_ALONE}", 1) if alone else svg
