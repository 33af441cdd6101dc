"""LPIPS, DISTS and CLIP-I, where their packages and weights are on this machine.

None of them is a dependency: LPIPS's and DISTS's packages bring torchvision and fetch weights when they are built.
The report gives the reason for each measure that cannot run. Nothing is downloaded.
"""

import importlib
import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from pipelines.errors import UserError
from pipelines.measure.fidelity import Picture

Measure = Callable[[Picture, Picture], float]


@dataclass(frozen=True)
class Perceptual:
    """measures: those that run. not_run: the others, with the reason."""

    measures: Mapping[str, Measure] = field(default_factory=dict)
    not_run: Mapping[str, str] = field(default_factory=dict)

    def scores(self, picture: Picture, truth: Picture) -> dict[str, float]:
        return {name: measure(picture, truth) for name, measure in self.measures.items()}


def available(clip: Path | None) -> Perceptual:
    """The perceptual measures that run on this machine. Raises UserError when `clip` is no CLIP model."""
    measures: dict[str, Measure] = {}
    not_run: dict[str, str] = {}
    for name, package, weights, build in (
        ("LPIPS", "lpips", "alexnet*.pth", _lpips),
        ("DISTS", "DISTS_pytorch", "vgg16*.pth", _dists),
    ):
        if importlib.util.find_spec(package) is None:
            not_run[name] = f"package {package} is not installed"
        elif not list((Path(torch.hub.get_dir()) / "checkpoints").glob(weights)):
            not_run[name] = f"its backbone's weights {weights} are not on this machine"
        else:
            measures[name] = build()
    if clip is None:
        not_run["CLIP-I"] = "no model named by --clip"
    else:
        measures["CLIP-I"] = clip_similarity(clip)
    return Perceptual(measures, not_run)


def _lpips() -> Measure:
    """Zhang et al. 2018, AlexNet; pictures in [−1, 1]."""
    model = importlib.import_module("lpips").LPIPS(net="alex", verbose=False).eval()
    return lambda picture, truth: _value(model(_batch(picture) * 2 - 1, _batch(truth) * 2 - 1))


def _dists() -> Measure:
    """Ding et al. 2020; pictures in [0, 1]."""
    model = importlib.import_module("DISTS_pytorch").DISTS().eval()
    return lambda picture, truth: _value(model(_batch(picture), _batch(truth)))


def clip_similarity(folder: Path) -> Measure:
    """Cosine of the two pictures' CLIP embeddings: 1 for equal ones."""
    from transformers import CLIPImageProcessor, CLIPModel

    try:
        model = CLIPModel.from_pretrained(folder, local_files_only=True, use_safetensors=True).eval()
        processor: Any = CLIPImageProcessor.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError) as error:
        raise UserError(f"--clip {folder} must be the folder of a CLIP model with safetensors; {error}") from error

    def similarity(picture: Picture, truth: Picture) -> float:
        images = [Image.fromarray(np.ascontiguousarray(p)) for p in (picture, truth)]
        pixels = processor(images=images, return_tensors="pt")["pixel_values"]
        with torch.inference_mode():
            pooled = model.vision_model(pixel_values=pixels).pooler_output
            embedded: Tensor = torch.nn.functional.normalize(model.visual_projection(pooled), dim=-1)
        return float(embedded[0] @ embedded[1])

    return similarity


def _batch(picture: Picture) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(picture)).permute(2, 0, 1)[None].float() / 255


def _value(result: Tensor) -> float:
    return float(result.detach().mean())
