"""Depth by an ONNX file, run by onnxruntime: any export whose input is a photo and whose output is a map.

The graph names its input, outputs and their shapes; the note beside it (onnx_note.py) says what they mean. Nothing of
the file is code: operators are those that onnxruntime brings.
"""

import logging
import math
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pipelines.errors import UserError, one_line, refusing
from pipelines.pictures.resizing import resized
from pipelines.render.depth.disparity_map import Kind, RawDepth
from pipelines.render.depth.network_depth import NetworkDepth
from pipelines.render.depth.onnx_note import OnnxNote, read_onnx_note
from pipelines.render.depth.origin import DepthOrigin, revision_of_files
from pipelines.render.depth.registry import is_noncommercial
from pipelines.render.photos.photo import Photo

_TYPES: dict[str, type[np.floating[Any]]] = {"tensor(float)": np.float32, "tensor(float16)": np.float16}
_WAY_OUT = "export it with one photo [1, 3, height, width] as input"
_log = logging.getLogger(__name__)


def check_onnx(model: Path, *, kind: Kind | None) -> DepthOrigin:
    """The origin that an ONNX file is. Reads its bytes, loads no network. kind: of --depth-kind.

    Raises UserError when the file, its note or onnxruntime is missing, or the note contradicts --depth-kind.
    """
    if not model.is_file():
        raise UserError(f"--depth {model} must be an ONNX file; it is not there")
    _onnxruntime()
    note = read_onnx_note(model)
    if kind not in (None, note.kind):
        raise UserError(f"{model.stem}.yaml says that {model.name} gives {note.kind} depth, --depth-kind says {kind}")
    runtime, license = f"onnxruntime {version('onnxruntime')}", note.license
    return DepthOrigin(model.stem, _revision(model), license, is_noncommercial(license), True, runtime, note.kind)


class OnnxDepth(NetworkDepth):
    """A network that onnxruntime runs."""

    def __init__(
        self, model: Path, *, kind: Kind | None, device: str = "cpu", batch_size: int = 4, deband: bool = True
    ) -> None:
        """Raises UserError as `check_onnx` does, and when the graph is broken or not of the note's form."""
        super().__init__(device=device, batch_size=batch_size, deband=deband)
        self.origin = check_onnx(model, kind=kind)
        self._model = model
        self._session = _session(model, device)
        note = read_onnx_note(model)
        with refusing(f"--depth {model}", _WAY_OUT):
            self._input, self._takes_one, self._size = _input_of(self._session, note)
            names = [output.name for output in self._session.get_outputs()]
            self._outputs = [note.depth or names[0], *filter(None, [note.sky])]
            if missing := set(self._outputs) - set(names):
                raise ValueError(f"its outputs are {', '.join(names)}, and {model.stem}.yaml names {missing}")
        self._note = note

    def input_of(self, photo: Photo) -> Tensor:
        size = self._size or self._note.input_size(*photo.srgb.shape[:2])
        pixels = resized(photo.srgb.astype(np.float32) / 255, *size)
        pixels = (pixels - np.array(self._note.mean, np.float32)) / np.array(self._note.std, np.float32)
        return torch.from_numpy(pixels).permute(2, 0, 1)[None].contiguous()

    def raw_depths(self, pixels: Tensor, photos: Sequence[Photo]) -> list[RawDepth]:
        depths, *skies = self._run(pixels.numpy())
        if skies:
            far = math.inf if self._note.quantity == "depth" else 0.0
            lowest = depths.min(axis=(1, 2), keepdims=True) if self._note.kind == "relative" else far
            depths = np.where(skies[0] > self._note.sky_above, lowest, depths)
        size = (pixels.shape[2], pixels.shape[3])
        return [self._raw(torch.from_numpy(one), photo, size) for one, photo in zip(depths, photos, strict=True)]

    def _raw(self, depth: Tensor, photo: Photo, size: tuple[int, int]) -> RawDepth:
        """In meters where the photo's focal length is known; else without a scale: its inverse is relative."""
        note, source, revision = self._note, self.origin.source, self.origin.revision
        if note.canonical_focal_px is None:
            return RawDepth(depth, note.quantity, note.kind, source, revision)
        height, width = photo.srgb.shape[:2]
        # Where photos are stretched to the input, the focal length is the mean of both directions.
        stretch = (size[0] / height + size[1] / width) / 2
        if focal_px := photo.camera.focal_length_px(width, height) * stretch:
            return RawDepth(depth * focal_px / note.canonical_focal_px, "depth", "metric", source, revision)
        return RawDepth(torch.where(depth > 0, 1 / depth, torch.nan), "disparity", "relative", source, revision)

    def _run(self, pixels: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """The named outputs, each [B, h, w], for inputs [B, 3, h, w]."""
        fed, parts = pixels.astype(_TYPES[self._input.type]), []
        for part in np.split(fed, len(fed)) if self._takes_one else [fed]:
            views = part[:, None] if len(self._input.shape) == 5 else part  # [B, 1, 3, h, w]: one view of each scene
            with refusing(f"--depth {self._model}", "check it and its yaml file"):
                found = self._session.run(self._outputs, {self._input.name: views})
                parts.append([_map(one, len(part)) for one in found])
        return [np.concatenate(maps) for maps in zip(*parts, strict=True)]


def _map(output: Any, batch: int) -> NDArray[np.float32]:
    """[B, h, w] of an output that may have axes of length one in between."""
    values = np.asarray(output, np.float32)
    sides = [side for side in values.shape[1:] if side != 1]
    if values.shape[:1] != (batch,) or len(sides) != 2:
        raise ValueError(f"its output must be one map a photo, [{batch}, h, w], got {list(values.shape)}")
    return values.reshape(batch, *sides)


def _input_of(session: Any, note: OnnxNote) -> tuple[Any, bool, tuple[int, int] | None]:
    """The only input, whether it takes one photo at a time, and (height, width) where the graph fixes them."""
    inputs = session.get_inputs()
    if len(inputs) != 1:
        raise ValueError(f"it must have one input, got {', '.join(one.name for one in inputs)}")
    (one,) = inputs
    if one.type not in _TYPES or len(one.shape) not in (4, 5) or one.shape[-3] not in (3, None) or one.shape[0] == 0:
        raise ValueError(f"its input must be float [batch, 3, height, width], got {one.type} {one.shape}")
    batch, (height, width) = one.shape[0], one.shape[-2:]
    fixed = (height, width) if isinstance(height, int) and isinstance(width, int) else None
    sizes = (note.size, note.short_side, note.long_side)
    if fixed and sizes not in ((None, None, None), (fixed, None, None)):
        raise ValueError(f"it fixes the size of its input to {list(fixed)}; its yaml file must say the same or nothing")
    if not fixed and sizes == (None, None, None):
        raise ValueError("it takes photos of any size; its yaml file must have a size, short_side or long_side")
    if isinstance(batch, int) and batch != 1:
        raise ValueError(f"it must take one photo or any number, it takes {batch}")
    return one, batch == 1, fixed


def _session(model: Path, device: str) -> Any:
    runtime = _onnxruntime()
    options = runtime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.use_deterministic_compute = True
    options.log_severity_level = 4  # its warnings have several lines each
    on_gpu = device.startswith("cuda") and "CUDAExecutionProvider" in runtime.get_available_providers()
    if device.startswith("cuda") and not on_gpu:
        _log.warning("%s runs on the CPU: install onnxruntime-gpu in place of onnxruntime", model.name)
    with refusing(f"--depth {model}", "fetch or export it again"):
        return runtime.InferenceSession(
            str(model), options, providers=["CUDAExecutionProvider"] * on_gpu + ["CPUExecutionProvider"]
        )


def _onnxruntime() -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        way_out = "pip install 'refocus-foundry[onnx]'"
        raise UserError(f"ONNX models need the package onnxruntime ({one_line(error)}): {way_out}") from error
    return onnxruntime


def _revision(model: Path) -> str:
    """Of the file, its note, and the files of its weights beside it (`NAME.onnx_data`, `NAME.onnx.data`)."""
    names = tuple(f"{model.stem}.{ending}" for ending in ("onnx", "yaml", "data"))
    return revision_of_files(path for path in model.parent.iterdir() if path.name.startswith(names))
