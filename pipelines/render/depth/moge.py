"""Metric depth by MoGe-2 (Wang et al. 2025, arXiv 2507.02546), through its own package where that is installed.

The package needs torchvision, so no extra of ours brings it. Its weights are one file `model.pt`, which it reads
without executing anything (torch.load, weights_only).
"""

import math
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pipelines.errors import UserError, refusing
from pipelines.render.depth.checkpoint import HUB_ID
from pipelines.render.depth.disparity_map import Kind, RawDepth
from pipelines.render.depth.network_depth import NetworkDepth
from pipelines.render.depth.origin import DepthOrigin, revision_of_files
from pipelines.render.photos.photo import Photo

WEIGHTS = "model.pt"


def is_moge(model: str) -> bool:
    """Whether --depth names a MoGe-2: `Ruicheng/moge-2-vitl-normal`, or a folder or .pt file of such a name."""
    return Path(model).name.lower().startswith("moge-2")


def check_moge(model: str, *, kind: Kind | None, revision: str | None) -> DepthOrigin:
    """The origin. Raises UserError when package or weights are missing, or --depth-kind is not metric."""
    if kind == "relative":
        raise UserError(f"depth model {model} gives metric depth, --depth-kind says relative; leave it out")
    if find_spec("moge") is None:
        way_out = "pip install git+https://github.com/microsoft/MoGe.git (it brings torchvision)"
        raise UserError(f"--depth {model} needs the package moge, which is not installed: {way_out}")
    path = _weights(model, revision)
    is_local = Path(model).exists()
    return DepthOrigin(
        Path(model).stem if is_local else model,
        revision_of_files([path]) if is_local else path.parent.name,
        "" if is_local else "MIT",
        is_noncommercial=False,
        is_here=True,
        runtime="moge",
    )


class MogeDepth(NetworkDepth):
    """MoGe-2 sees the photo as it is, and its field of view where the photo's EXIF tells it."""

    def __init__(self, model: str, *, revision: str | None, device: str, batch_size: int, deband: bool) -> None:
        """Raises UserError as `check_moge` does."""
        super().__init__(device=device, batch_size=batch_size, deband=deband)
        self.origin = check_moge(model, kind=None, revision=revision)
        self._model = _load(_weights(model, revision)).to(self.device).eval()

    def input_of(self, photo: Photo) -> Tensor:
        return torch.from_numpy(photo.srgb).permute(2, 0, 1)[None].float() / 255

    def raw_depths(self, pixels: Tensor, photos: Sequence[Photo]) -> list[RawDepth]:
        return [self._raw(one, photo) for one, photo in zip(pixels, photos, strict=True)]

    def _raw(self, pixels: Tensor, photo: Photo) -> RawDepth:
        height, width = photo.srgb.shape[:2]
        focal_px = photo.camera.focal_length_px(width, height)
        fov_x = math.degrees(2 * math.atan(width / (2 * focal_px))) if focal_px else None
        found = self._model.infer(pixels.to(self.device), fov_x=fov_x, use_fp16=self.device.type == "cuda")
        return RawDepth(found["depth"].float(), "depth", "metric", self.origin.source, self.origin.revision)


def _load(path: Path) -> Any:
    with refusing(f"depth model {path}", "fetch it again"):
        from moge.model.v2 import MoGeModel

        return MoGeModel.from_pretrained(path)


def _weights(model: str, revision: str | None) -> Path:
    """The file of weights: local, or in the hub's cache."""
    path = Path(model).expanduser()
    if path.is_file() or (path / WEIGHTS).is_file():
        return path if path.is_file() else path / WEIGHTS
    from huggingface_hub import constants, try_to_load_from_cache

    cached = None
    if HUB_ID.fullmatch(model):
        cached = try_to_load_from_cache(model, WEIGHTS, cache_dir=constants.HF_HUB_CACHE, revision=revision or "main")
    if not isinstance(cached, str):
        command = f"hf download {model} {WEIGHTS}" + (f" --revision {revision}" if revision else "")
        raise UserError(f"depth model {model} is not here, neither as a file nor in the cache; fetch it: `{command}`")
    return Path(cached)
