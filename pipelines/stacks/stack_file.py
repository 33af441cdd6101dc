"""Layout `folder`: one folder a scene, whose `stack.json` names the files and the settings of the camera.

{"photo": {"file": "f16.jpg", "f_number": 16, "focus_distance_m": 2.4},      a rendering from a pinhole: file alone
 "depth": "depth.npy", "depth_scale": 1.0,                                   meters per unit
 "focal_length_mm": 50,
 "focal_length_px": 2610,                                                    if calibrated; else --sensor-width-mm
 "frames": [{"file": "a.jpg", "f_number": 1.4, "focus_distance_m": 0.82}]}
"""

from pathlib import Path
from typing import Any

import yaml

from pipelines.errors import refusing
from pipelines.stacks.focus_stack import FocusStack, StackFrame
from shards.foreign_file import read_foreign

STACK_FILE = "stack.json"
_MOST_BYTES = 1 << 20


def find(folder: Path) -> list[FocusStack]:
    """The stacks below a folder, or in it. Raises UserError that names a file which does not say what it must."""
    return [_read(path) for path in sorted(folder.rglob(STACK_FILE))]


def _read(path: Path) -> FocusStack:
    with refusing(str(path), "it must have photo, depth, focal_length_mm and frames, as docs/audit.md has them"):
        content = yaml.safe_load(read_foreign(path, max_bytes=_MOST_BYTES))
        return FocusStack(
            name=path.parent.name,
            split="all",
            photo=_frame(path.parent, content.pop("photo")),
            depth=path.parent / content.pop("depth"),
            frames=tuple(_frame(path.parent, frame) for frame in content.pop("frames")),
            **{name: float(value) for name, value in content.items()},
        )


def _frame(folder: Path, entry: dict[str, Any]) -> StackFrame:
    return StackFrame(folder / entry.pop("file"), **{name: float(value) for name, value in entry.items()})
