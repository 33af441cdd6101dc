"""Depth by a transformers model: pixels in, disparity of the photo's size out.

The model sees each photo at its own processed size (short side about 518 px, multiples of 14), so photos are
batched by that size and sizes never mix. Everything but the backbone runs in float32: bfloat16 leaves some 1,500
distinct depths, which the blur shows as bands.
"""

import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from pipelines.errors import Rejection, UserError
from pipelines.render.depth.checkpoint import DepthCheckpoint
from pipelines.render.depth.disparity_map import DisparityMap, PreparedDepth, Quantity, RawDepth, disparity_map
from pipelines.render.photos.photo import Photo

MAX_ASPECT = 4.0  # the tokens grow with it, attention with their square: 10:1 would be 13,690 tokens


class TransformersDepth:
    """A loaded model on one device. Built in the worker; the weights come from a folder, never the network."""

    def __init__(self, checkpoint: DepthCheckpoint, *, device: str, batch_size: int = 4, deband: bool = True) -> None:
        """`deband`: see `disparity_map`."""
        if checkpoint.folder is None:
            raise ValueError(f"{checkpoint.model} must be fetched before it is loaded")
        if batch_size < 1:
            raise ValueError(f"batch_size must be >= 1, got {batch_size}")
        self.checkpoint = checkpoint
        self.device = torch.device(device)
        self.batch_size = batch_size
        self.deband = deband
        self._processor, self.network = _load(str(checkpoint.folder))
        self.network.to(self.device)
        if self.device.type == "cuda":
            run_backbone_in_half_precision(self.network, "cuda")

    def prepared(self, photo: Photo) -> Tensor | Rejection:
        """The model's input, [1, 3, h, w] on the CPU."""
        height, width = photo.srgb.shape[:2]
        if max(height, width) > MAX_ASPECT * min(height, width):
            why = f"sides must be within {MAX_ASPECT:g}:1 for a depth model, got {width}x{height}"
            return Rejection("depth", "aspect", f"{why}; crop it, or bring a sidecar")
        pixels: Tensor = self._processor(images=photo.srgb, return_tensors="pt")["pixel_values"]
        return pixels

    def maps(self, photos: Sequence[Photo], prepared: Sequence[PreparedDepth]) -> list[DisparityMap | Rejection]:
        """One disparity map or one Rejection a photo, in the order of the photos."""
        results = {index: one for index, one in enumerate(prepared) if not isinstance(one, Tensor)}
        inputs = [(index, one) for index, one in enumerate(prepared) if isinstance(one, Tensor)]
        for batch in _batches(inputs, self.batch_size):
            pixels = torch.cat([pixels for _, pixels in batch])  # [B, 3, h, w]
            with torch.inference_mode(), _fitting(len(batch)):
                raw = self.network(pixel_values=pixels.to(self.device)).predicted_depth.float()  # [B, h, w]
                for (index, _), depth in zip(batch, raw, strict=True):
                    results[index] = self._disparity(depth, photos[index])
        return [results[index] for index in range(len(photos))]

    def _disparity(self, raw: Tensor, photo: Photo) -> DisparityMap | Rejection:
        kind = self.checkpoint.kind
        quantity: Quantity = "disparity" if kind == "relative" else "depth"
        depth = RawDepth(raw, quantity, kind, self.checkpoint.model, self.checkpoint.revision)
        try:
            return disparity_map(depth, photo.srgb, deband=self.deband)
        except Rejection as rejection:
            return rejection


@contextmanager
def _fitting(photos: int) -> Iterator[None]:
    """Memory that runs out on a GPU is the user's matter. A smaller batch might change bits, so none is taken."""
    try:
        yield
    except torch.cuda.OutOfMemoryError as error:
        way_out = "lower --depth-batch or --workers-per-gpu"
        raise UserError(
            f"depth of {photos} photos at once must fit the GPU's memory, it does not; {way_out}"
        ) from error


def _batches(inputs: Sequence[tuple[int, Tensor]], batch_size: int) -> Iterator[list[tuple[int, Tensor]]]:
    """Numbered inputs of one size, at most `batch_size` of them; at most one open batch a size is held."""
    waiting: dict[torch.Size, list[tuple[int, Tensor]]] = {}
    for index, pixels in inputs:
        batch = waiting.setdefault(pixels.shape, [])
        batch.append((index, pixels))
        if len(batch) == batch_size:
            yield waiting.pop(pixels.shape)
    yield from waiting.values()


def _load(folder: str) -> tuple[Callable[..., Any], torch.nn.Module]:
    """Processor and model; no remote code, no pickles, no network. `attn_implementation` stays unset: "sdpa" raises."""
    import transformers

    transformers.utils.logging.disable_progress_bar()
    # The Pillow processor, even where torchvision would be found: both must give the same pixels everywhere.
    processor = transformers.AutoImageProcessor.from_pretrained(folder, local_files_only=True, backend="pil")
    model = transformers.AutoModelForDepthEstimation.from_pretrained(
        folder, local_files_only=True, use_safetensors=True
    )
    return processor, model.float().eval()


def run_backbone_in_half_precision(model: torch.nn.Module, device_type: str) -> None:
    """float16 rather than bfloat16: its ten bits of mantissa keep slopes smooth. Neck and head stay float32."""
    backbone = getattr(model, "backbone", None)
    if not isinstance(backbone, torch.nn.Module):
        return  # a family without a separate backbone runs in float32 throughout
    forward = backbone.forward

    @functools.wraps(forward)
    def half_forward(*args: Any, **kwargs: Any) -> Any:
        with torch.autocast(device_type, torch.float16):
            output = forward(*args, **kwargs)
        output.feature_maps = tuple(feature.float() for feature in output.feature_maps)
        return output

    backbone.forward = half_forward
