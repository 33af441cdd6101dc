"""Layout `zedd`: real stacks by Zuo et al. 2026 (arXiv 2603.26658), as the loader of their network FOSSA reads them.

    metadata.txt                                                  run_1, motor code, meters; separated by tabs
    val/val_0001/focus_stack/img_run_1_motor_6D3E_aperture_F1.4.jpg
    val/val_0001/gt/depth.npy, K.txt                              meters; intrinsics in pixels of depth.npy

The smallest opening (F16) at the middle distance is the all-in-focus photo.
"""

import re
from pathlib import Path

from pipelines.errors import UserError, refusing
from pipelines.stacks.focus_stack import FocusStack, StackFrame
from pipelines.stacks.intrinsics import focal_length_px
from shards.foreign_file import read_foreign

_FRAME = re.compile(r"img_(run_\d+)_motor_[0-9A-Fa-f]+_aperture_F(\d+(?:\.\d+)?)\.(?:jpe?g|png)")
_METADATA_BYTES = 1 << 16


def find(folder: Path) -> list[FocusStack]:
    """The stacks of the data set, of a split or of one scene. Scenes without depth (the test split) are left out."""
    depths = sorted(folder.rglob("gt/depth.npy"))
    distances_m = _distances_m(folder) if depths else {}
    return [_stack(depth.parents[1], depth, distances_m) for depth in depths]


def _distances_m(folder: Path) -> dict[str, float]:
    """Focus distance by run, of the metadata.txt in the folder or the nearest above it."""
    places = [place / "metadata.txt" for place in (folder, *folder.resolve().parents)]
    path = next((place for place in places if place.is_file()), None)
    if path is None:
        raise UserError(f"{places[0]} must give the focus distance of each run; it is missing")
    with refusing(str(path), "its lines must be run, motor code and meters, separated by tabs"):
        lines = read_foreign(path, max_bytes=_METADATA_BYTES).decode().splitlines()
        rows = [line.split("\t") for line in lines if line.strip() and not line.startswith("#")]
        return {run.strip(): float(distance_m) for run, _, distance_m in rows}


def _stack(scene: Path, depth: Path, distances_m: dict[str, float]) -> FocusStack:
    matches = [(path, _FRAME.fullmatch(path.name)) for path in sorted((scene / "focus_stack").iterdir())]
    with refusing(str(scene), "metadata.txt must have a positive distance for each run of its frames"):
        frames = [StackFrame(path, float(m[2]), distances_m[m[1]]) for path, m in matches if m]
    smallest = sorted(
        (frame for frame in frames if frame.f_number == max(f.f_number for f in frames)),
        key=lambda frame: frame.focus_distance_m,
    )
    return FocusStack(
        name=scene.name,
        split=scene.parent.name,
        photo=smallest[len(smallest) // 2],
        depth=depth,
        frames=tuple(frame for frame in frames if frame not in smallest),
        focal_length_px=focal_length_px(scene / "gt" / "K.txt"),
    )
