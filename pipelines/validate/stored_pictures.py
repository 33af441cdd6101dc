"""A sheet of the stored references, path-traced at 144x96: ours, the path tracer, the opponent (`make pictures`)."""

import sys
from pathlib import Path

import torch

from pipelines.validate.methods import METHODS
from pipelines.validate.pictures import comparison, draw_comparison
from pipelines.validate.references import STORED_FOLDER, load

SHOWN = ("ours", "Ikoma 2021")


def draw_stored(path: Path) -> None:
    """The last frame of each stored scene, the one with the strongest blur."""
    rows = []
    for file in sorted((STORED_FOLDER / "photo").glob("*.npz")):
        reference = load(file)
        image, disparity = torch.from_numpy(reference.aif), torch.from_numpy(reference.disparity)
        shown = {name: METHODS[name](image, disparity, reference.lenses) for name in SHOWN}
        rows += comparison(reference, shown, [len(reference.lenses) - 1])
    draw_comparison("From photo and disparity alone, at 200 %", rows, path)


if __name__ == "__main__":
    draw_stored(Path(sys.argv[1]))
