"""A Depth Anything checkpoint of 0.2 million random weights, saved the way real ones are."""

from __future__ import annotations

from pathlib import Path

import torch


def save_tiny_checkpoint(folder: Path, *, kind: str = "relative", short_side_px: int = 70, seed: int = 0) -> Path:
    """Model and image processor into `folder`, ready for `--depth FOLDER`; the same seed gives the same bytes."""
    from transformers import (
        DepthAnythingConfig,
        DepthAnythingForDepthEstimation,
        Dinov2Config,
        DPTImageProcessorPil,
    )

    backbone = Dinov2Config(
        hidden_size=48,
        num_hidden_layers=4,
        num_attention_heads=3,
        image_size=short_side_px,
        patch_size=14,
        out_indices=[1, 2, 3, 4],
        reshape_hidden_states=False,
        apply_layernorm=True,
    )
    config = DepthAnythingConfig(
        backbone_config=backbone,
        reassemble_hidden_size=48,
        neck_hidden_sizes=[12, 24, 48, 48],
        fusion_hidden_size=16,
        head_hidden_size=8,
        depth_estimation_type=kind,
        max_depth=20 if kind == "metric" else 1,
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = DepthAnythingForDepthEstimation(config)
        _spread_the_output(model)
    model.save_pretrained(folder)
    processor = DPTImageProcessorPil(
        size={"height": short_side_px, "width": short_side_px},
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
