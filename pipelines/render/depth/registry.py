"""Output kinds and licenses of depth models, written down by hand: neither is guessed from a model's output.

To add a family: find out whether its `predicted_depth` is inverse depth (bigger is nearer, `relative`) or meters
(`metric`), and write it down below. A family that needs more than pixels, or whose raw output needs another step,
belongs into `UNFIT` with the reason.
"""

from collections.abc import Mapping
from typing import Any

from pipelines.errors import UserError
from pipelines.render.depth.disparity_map import Kind

DEFAULT_MODEL = "depth-anything/Depth-Anything-V2-Small-hf"
PINNED_REVISIONS = {DEFAULT_MODEL: "5426e4f0f36572d16453bbda7a8389317b1bef99"}

# By config.json's model_type. `None`: config.depth_estimation_type says it, "relative" where it is left out.
KIND_OF_FAMILY: dict[str, Kind | None] = {
    "depth_anything": None,
    "glpn": "metric",  # max_depth times a sigmoid, meters
}

# Families whose checkpoints differ and whose config.json does not say.
KIND_OF_MODEL: dict[str, Kind] = {
    "Intel/dpt-large": "relative",
    "Intel/dpt-hybrid-midas": "relative",
    "Intel/dpt-beit-base-384": "relative",
    "Intel/dpt-beit-large-512": "relative",
    "Intel/dpt-swinv2-tiny-256": "relative",
    "Intel/dpt-swinv2-large-384": "relative",
}

UNFIT: dict[str, str] = {
    "depth_pro": "its output must be scaled by a field of view, and its image processor needs torchvision",
    "prompt_depth_anything": "it needs a measured depth map as a prompt",
    "zoedepth": "its output must be cut and flipped back by its own post-processing",
    "chmv2": "it estimates the height of tree tops, not depth",
}

_NONCOMMERCIAL = "CC-BY-NC-4.0"
LICENSE_OF_MODEL: dict[str, str] = {
    "depth-anything/Depth-Anything-V2-Small-hf": "Apache-2.0",
    "depth-anything/Depth-Anything-V2-Base-hf": _NONCOMMERCIAL,
    "depth-anything/Depth-Anything-V2-Large-hf": _NONCOMMERCIAL,
    "depth-anything/Depth-Anything-V2-Metric-Indoor-Small-hf": "Apache-2.0",
    "depth-anything/Depth-Anything-V2-Metric-Indoor-Base-hf": _NONCOMMERCIAL,
    "depth-anything/Depth-Anything-V2-Metric-Indoor-Large-hf": _NONCOMMERCIAL,
    "depth-anything/Depth-Anything-V2-Metric-Outdoor-Small-hf": "Apache-2.0",
    "depth-anything/Depth-Anything-V2-Metric-Outdoor-Base-hf": _NONCOMMERCIAL,
    "depth-anything/Depth-Anything-V2-Metric-Outdoor-Large-hf": _NONCOMMERCIAL,
}


def is_noncommercial(license: str) -> bool:
    """Whether a license's name forbids commercial use."""
    return "-NC" in license.upper()


def kind_of(model: str, config: Mapping[str, Any], declared: Kind | None) -> Kind:
    """Whether a model gives relative inverse depth or meters; `declared` is --depth-kind.

    Raises UserError when the family is unfit, when the kind is not known, or when --depth-kind contradicts what is
    known.
    """
    family = str(config.get("model_type", ""))
    if family in UNFIT:
        raise UserError(f"depth model {model} ({family}) cannot be used: {UNFIT[family]}; try --depth auto")
    known = KIND_OF_MODEL.get(model) or _kind_of_family(model, family, config)
    if known and declared and known != declared:
        raise UserError(f"depth model {model} gives {known} depth, --depth-kind says {declared}; leave it out")
    if kind := known or declared:
        return kind
    raise UserError(
        f"depth model {model} (model_type {family!r}) does not say whether it gives relative inverse depth or "
        "meters; read its model card and pass --depth-kind relative or --depth-kind metric"
    )


def _kind_of_family(model: str, family: str, config: Mapping[str, Any]) -> Kind | None:
    if family not in KIND_OF_FAMILY:
        return None
    kind = KIND_OF_FAMILY[family] or config.get("depth_estimation_type", "relative")
    if kind not in ("relative", "metric"):
        raise UserError(f"depth model {model}: depth_estimation_type must be relative or metric, is {kind!r}")
    return "relative" if kind == "relative" else "metric"
