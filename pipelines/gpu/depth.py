"""Depth Anything with random weights and the real network's shape: photos a second, and maps against those of the CPU.

Random weights cost as much as trained ones, and need no download.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

from pipelines.bench.subject import photo_like
from pipelines.bench.timing import interleaved
from pipelines.errors import Rejection
from pipelines.gpu.measured import Measured
from pipelines.pictures.srgb8 import to_srgb8
from pipelines.render.depth.checkpoint import fetch_checkpoint
from pipelines.render.depth.disparity_map import Kind
from pipelines.render.depth.estimator import estimate
from pipelines.render.depth.networks import TransformersDepth
from pipelines.render.photos.photo import Photo, PhotoSource

HALF_PRECISION = 0.02  # float16 keeps 11 bits of each feature; normalizing spreads the error over the range seen


@dataclass(frozen=True)
class NetworkShape:
    """Sizes of a Depth Anything: a DINOv2 encoder of `layers` layers, and its DPT neck and head."""

    hidden: int
    layers: int
    heads: int
    neck: tuple[int, int, int, int]
    fusion: int
    head: int
    short_side_px: int


SMALL = NetworkShape(384, 12, 6, (48, 96, 192, 384), 64, 32, 518)
"""Depth-Anything-V2-Small, 25 million weights (its config.json on the hub)."""
TINY = NetworkShape(48, 4, 3, (12, 24, 48, 48), 16, 8, 70)


@dataclass(frozen=True)
class DepthRow:
    """Photos a second: of the network with everything after it on the device, and of one thread that prepares them."""

    batch: int
    weights: int
    photos_per_s: float
    prepared_per_s: float
    peak_bytes: int
    """Of torch on the GPU; 0 on a CPU."""


def measure(device: str) -> Measured:
    """Batches of 1, 4 and 16 photos of 768²; in miniature a tiny network on small photos."""
    shape, side, batches = (SMALL, 768, (1, 4, 16)) if device == "cuda" else (TINY, 96, (1, 2))
    photo = _photo(side)
    with TemporaryDirectory(prefix="refocus-depth-") as folder:
        checkpoint = fetch_checkpoint(
            str(save_random_checkpoint(Path(folder), shape)), kind=None, revision=None, allow_network=False
        )
        rows = [_row(TransformersDepth(checkpoint, device=device, batch_size=n), [photo] * n, device) for n in batches]
        off = _largest_difference([TransformersDepth(checkpoint, device=one) for one in ("cpu", device)], photo)
    wrong = [] if off <= HALF_PRECISION else [f"disparity by the network is off by {off:.2g}, bound {HALF_PRECISION}"]
    return Measured.from_records({f"Depth Anything of random weights, {side}²; off the CPU by {off:.2g}": rows}, wrong)


def save_random_checkpoint(folder: Path, shape: NetworkShape, *, kind: Kind = "relative", seed: int = 0) -> Path:
    """Network and image processor into `folder`, ready for `--depth FOLDER`; the same seed gives the same bytes."""
    from transformers import (
        DepthAnythingConfig,
        DepthAnythingForDepthEstimation,
        Dinov2Config,
        DPTImageProcessorPil,
    )

    backbone = Dinov2Config(
        hidden_size=shape.hidden,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        image_size=shape.short_side_px,
        patch_size=14,
        out_indices=[shape.layers * quarter // 4 for quarter in (1, 2, 3, 4)],
        reshape_hidden_states=False,
        apply_layernorm=True,
    )
    config = DepthAnythingConfig(
        backbone_config=backbone,
        reassemble_hidden_size=shape.hidden,
        neck_hidden_sizes=list(shape.neck),
        fusion_hidden_size=shape.fusion,
        head_hidden_size=shape.head,
        depth_estimation_type=kind,
        max_depth=20 if kind == "metric" else 1,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = DepthAnythingForDepthEstimation(config)
        _spread_the_output(model)
    model.save_pretrained(folder)
    processor = DPTImageProcessorPil(
        size={"height": shape.short_side_px, "width": shape.short_side_px},
        keep_aspect_ratio=True,
        ensure_multiple_of=14,
        image_mean=[0.485, 0.456, 0.406],
        image_std=[0.229, 0.224, 0.225],
    )
    processor.save_pretrained(folder)
    return folder


def _spread_the_output(model: torch.nn.Module) -> None:
    """Initial weights give nearly the same depth everywhere: larger ones see the photo, as trained ones do."""
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if not name.startswith("backbone") and weight.ndim > 1:
                weight.mul_(6.0)
        model.head.conv3.bias.fill_(0.5)  # type: ignore[union-attr, operator]


def _photo(side_px: int) -> Photo:
    source = PhotoSource("0" * 16, "photo", "/photo", "0" * 64, "", "", "")
    return Photo(source, to_srgb8(photo_like(side_px).image[None])[0], side_px, side_px)


def _row(depth: TransformersDepth, photos: list[Photo], device: str) -> DepthRow:
    on_gpu = device == "cuda"
    if on_gpu:
        torch.cuda.reset_peak_memory_stats()
    inputs = [depth.prepared(photo) for photo in photos]
    methods = {"maps": lambda: depth.maps(photos, inputs), "prepared": lambda: [depth.prepared(p) for p in photos]}
    seconds = interleaved(methods, 10 if on_gpu else 1, device=device, budget_s=5.0)
    rates = {name: len(photos) / statistics.median(spent) for name, (_, spent) in seconds.items()}
    weights = sum(weight.numel() for weight in depth.network.parameters())
    peak = torch.cuda.max_memory_allocated() if on_gpu else 0
    return DepthRow(len(photos), weights, rates["maps"], rates["prepared"], peak)


def _largest_difference(networks: list[TransformersDepth], photo: Photo) -> float:
    values = []
    for depth in networks:
        (found,) = estimate(depth, [photo])
        if isinstance(found, Rejection):
            raise found
        values.append(found.values)
    return float(np.abs(values[0] - values[1]).max())
