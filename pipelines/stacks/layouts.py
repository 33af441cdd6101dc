"""The layouts by name, and the stacks that a folder holds."""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from pipelines.errors import UserError
from pipelines.stacks import infinigen_defocus, stack_file, zedd
from pipelines.stacks.config import LayoutName, StackOptions
from pipelines.stacks.focus_stack import FocusStack, StackFrame
from shards.storage import StoragePath

LAYOUTS: Mapping[LayoutName, Callable[[Path], list[FocusStack]]] = {
    "zedd": zedd.find,
    "infinigen-defocus": infinigen_defocus.find,
    "folder": stack_file.find,
}
_SIGNS: Mapping[LayoutName, str] = {
    "zedd": "SCENE/gt/depth.npy (the test split has none: name val)",
    "infinigen-defocus": "SCENE/image_all_in_focus.png",
    "folder": f"SCENE/{stack_file.STACK_FILE}",
}


def find_stacks(folder: StoragePath, options: StackOptions) -> list[FocusStack]:
    """The stacks of a folder, by name, with the frames of `--f-numbers`. Raises UserError when there are none."""
    assert options.layout is not None
    if not isinstance(folder, Path):
        raise UserError(f"--layout {options.layout} reads folders of this machine; got {folder}; copy it here")
    stacks = LAYOUTS[options.layout](folder)
    if not stacks:
        raise UserError(f"{folder} must hold {_SIGNS[options.layout]} for --layout {options.layout}; got none")
    kept = [replace(stack, frames=_chosen(stack, options)) for stack in stacks]
    if empty := [stack for stack, left in zip(stacks, kept, strict=True) if not left.frames]:
        held = ", ".join(sorted({f"{frame.f_number:g}" for frame in empty[0].frames})) or "no frames"
        raise UserError(f"{empty[0].name} in {folder} must have frames of the f-numbers asked; it has {held}")
    return kept


def _chosen(stack: FocusStack, options: StackOptions) -> tuple[StackFrame, ...]:
    """Those asked for; a pinhole has no blur to measure."""
    wanted = options.f_numbers or {frame.f_number for frame in stack.frames if not math.isinf(frame.f_number)}
    return tuple(frame for frame in stack.frames if frame.f_number in wanted)
