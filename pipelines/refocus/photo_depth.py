"""The disparity of one photo as in training: in [0, 1], bigger is nearer, edges sharpened to the photo's."""

import numpy as np
from numpy.typing import NDArray

from pipelines.errors import Rejection, UserError
from pipelines.refocus.config import RefocusConfig
from pipelines.render.config import DepthConfig
from pipelines.render.depth.disparity_map import with_sharp_edges
from pipelines.render.depth.estimator import check_depth, estimate, open_depth
from pipelines.render.photos.photo import Photo


def depth_of(photo: Photo, config: RefocusConfig, device: str) -> tuple[NDArray[np.float32] | None, str]:
    """D [H, W] from a sidecar or a model, by --depth, and its source; None and "none" without depth.

    Raises UserError when it is not available.
    """
    if config.depth == "none":
        return None, "none"
    depth = DepthConfig(config.depth, config.depth_kind, offline=config.offline)
    try:
        check_depth(depth, [photo.source])
        found = estimate(open_depth(depth, device), [photo])[0]
    except UserError as error:
        raise UserError(f"{error}; or refocus without depth: --depth none", error.exit_code) from error
    if isinstance(found, Rejection):
        raise UserError(f"depth of {photo.source.name}: {found.message}; or refocus without depth: --depth none")
    sharp = with_sharp_edges(found, photo)
    return unit(sharp.values, sharp.kind), sharp.source


def unit(values: NDArray[np.float32], kind: str) -> NDArray[np.float32]:
    """Relative disparity as it is; metric disparity stretched over the photo's own range, as in training."""
    if kind == "relative":
        return values
    low, high = float(values.min()), float(values.max())
    return ((values - low) / max(high - low, 1e-12)).astype(np.float32)
