"""Depth by a transformers model: pixels in, disparity of the photo's size out.

The model sees each photo at its own processed size (short side about 518 px, multiples of 14). Everything but the
backbone runs in float32: bfloat16 leaves some 1,500 distinct depths, which the blur shows as bands.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from pipelines.render.depth.checkpoint import DepthCheckpoint
from pipelines.render.depth.disparity_map import Quantity, RawDepth
from pipelines.render.depth.network_depth import NetworkDepth
from pipelines.render.photos.photo import Photo


class TransformersDepth(NetworkDepth):
    """A model that transformers loads."""

    def __init__(self, checkpoint: DepthCheckpoint, *, device: str, batch_size: int = 4, deband: bool = True) -> None:
        super().__init__(device=device, batch_size=batch_size, deband=deband)
        if checkpoint.folder is None:
            raise ValueError(f"{checkpoint.model} must be fetched before it is loaded")
        self.checkpoint = checkpoint
        self._processor, self.network = _load(str(checkpoint.folder))
        self.network.to(self.device)
        if self.device.type == "cuda":
            run_backbone_in_half_precision(self.network, "cuda")

    def input_of(self, photo: Photo) -> Tensor:
        pixels: Tensor = self._processor(images=photo.srgb, return_tensors="pt")["pixel_values"]
        return pixels

    def raw_depths(self, pixels: Tensor, photos: Sequence[Photo]) -> list[RawDepth]:
        found, kind = self.checkpoint, self.checkpoint.kind
        quantity: Quantity = "disparity" if kind == "relative" else "depth"
        depths = self.network(pixel_values=pixels.to(self.device)).predicted_depth.float()  # [B, h, w]
        return [RawDepth(depth, quantity, kind, found.model, found.revision) for depth in depths]


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
