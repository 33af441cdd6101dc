"""Layout `infinigen-defocus`: stacks that Blender traced (Zuo et al. 2026), and our own `export --format fossa`.

    KEY/image_all_in_focus.png, image_ap_1.40_fd_0.80.png         f-number and meters in the name
    KEY/depth.npy                                                 meters
    KEY/cam_all_in_focus.npz                                      K: intrinsics in pixels

`export` has the frames in KEY/focus_stack and the depth in KEY/gt.
"""

import re
from pathlib import Path

from pipelines.errors import refusing
from pipelines.stacks.focus_stack import FocusStack, StackFrame
from pipelines.stacks.intrinsics import focal_length_px

_FRAME = re.compile(r"image_ap_(\d+(?:\.\d+)?)_fd_(\d+(?:\.\d+)?)\.(?:png|jpe?g)")


def find(folder: Path) -> list[FocusStack]:
    """The stacks below a folder, or in it."""
    return [_stack(photo) for photo in sorted(folder.rglob("image_all_in_focus.*"))]


def _stack(photo: Path) -> FocusStack:
    scene = photo.parent
    matches = [(path, _FRAME.fullmatch(path.name)) for path in sorted(scene.rglob("image_ap_*"))]
    with refusing(str(scene), "frames must be named image_ap_N_fd_METERS.png"):
        frames = tuple(StackFrame(path, float(m[1]), float(m[2])) for path, m in matches if m)
    return FocusStack(
        name=scene.name,
        split="all",
        photo=StackFrame(photo),
        depth=next(scene.rglob("depth.npy"), scene / "depth.npy"),
        frames=frames,
        focal_length_px=focal_length_px(scene / "cam_all_in_focus.npz"),
    )
