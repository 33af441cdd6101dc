"""Depth of photos, wherever it comes from: sidecar files, a model, or sidecars where they lie and else a model.

`check_depth` runs once, before any worker starts, and raises what a user can put right. `open_depth` runs in each
worker and builds the estimator. Built-in scenes bring their own disparity and come by neither.
"""

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Protocol

from torch import Tensor

from pipelines.errors import Rejection, UserError, require
from pipelines.render.config import DepthConfig
from pipelines.render.depth.checkpoint import AbsentModel, check_checkpoint, fetch_checkpoint, revision_of
from pipelines.render.depth.disparity_map import DisparityMap, Kind, PreparedDepth
from pipelines.render.depth.moge import MogeDepth, check_moge, is_moge
from pipelines.render.depth.network_depth import NetworkDepth
from pipelines.render.depth.networks import TransformersDepth
from pipelines.render.depth.onnx_network import OnnxDepth, check_onnx
from pipelines.render.depth.origin import DepthOrigin
from pipelines.render.depth.registry import DEFAULT_MODEL, LICENSE_OF_MODEL, is_noncommercial
from pipelines.render.depth.sidecar import SidecarDepth, meaning, numbers_of_file, read_note
from pipelines.render.depth.sidecar_search import SidecarFolders
from pipelines.render.depth.synthetic import SyntheticDepth, check_synthetic
from pipelines.render.depth.validity import metric_disparity, unit_warning
from pipelines.render.photos.photo import Photo, PhotoSource
from shards.licenses import SYNTHETIC_SHAPES
from shards.storage import StoragePath

_log = logging.getLogger(__name__)
_WITH_SIDECARS = ("auto", "sidecar")

__all__ = ["DepthEstimator", "DepthOrigin", "DisparityMap", "check_depth", "estimate", "open_depth", "shared_sidecars"]


class DepthEstimator(Protocol):
    """Estimates depth: for each photo, in order, a disparity map of the photo's size or a Rejection.

    In two steps, so that a worker's threads take what needs no device: `maps(photos, list(map(prepared, photos)))`.
    """

    def prepared(self, photo: Photo) -> PreparedDepth:
        """The map of a photo or why there is none; where the device must make it, the model's input. Thread-safe."""
        ...

    def maps(self, photos: Sequence[Photo], prepared: Sequence[PreparedDepth]) -> list[DisparityMap | Rejection]:
        """The maps of photos from what `prepared` returned for them, by one thread at a time."""
        ...


def estimate(estimator: DepthEstimator, photos: Sequence[Photo]) -> list[DisparityMap | Rejection]:
    """Both steps, one after the other."""
    return estimator.maps(photos, [estimator.prepared(photo) for photo in photos])


_SIDECARS = DepthOrigin("sidecar", "", "", False, True)


def check_depth(
    config: DepthConfig,
    photos: Sequence[PhotoSource] = (),
    folders: SidecarFolders | None = None,
    *,
    needs_model: bool = True,
) -> tuple[DepthOrigin, ...]:
    """The sources of disparity for `photos`; takes seconds and loads no model.

    `--depth` is `sidecar`, `auto` (sidecars where they lie, the default model for the rest), a synthetic shape, an ONNX
    file, a model's folder or a model's id on the hub. With sidecars, at least one of the photos must have one.
    Without `needs_model`, a model that is absent is a warning, and its origin says that it is not here.

    Raises UserError: the model or the folder is missing, the network is needed and not allowed, or the values have no
    declared kind.
    """
    spec, kind, depth_dir = config.depth, config.depth_kind, config.depth_dir
    if depth_dir is not None and not depth_dir.is_dir():
        raise UserError(f"--depth-dir {depth_dir} must be a folder; it is not there")
    origins = []
    folders = folders or SidecarFolders(depth_dir)
    looked_at = photos if spec in _WITH_SIDECARS else ()
    if first := next((path for photo in looked_at if (path := folders.find(photo))), None):
        _check_sidecar(first, kind)
    if first or any(photo.holds_depth for photo in looked_at):
        origins.append(_SIDECARS)
    if spec == "sidecar":
        if photos and not origins:
            raise UserError(
                f"--depth sidecar: none of the {len(photos)} photos has one, for the first there is no "
                f"{folders.looked_for(photos[0])}; name the folder with --depth-dir, or use --depth auto"
            )
        return (_SIDECARS,)
    if spec == "auto" and photos and all(map(folders.has_depth, photos)):
        return tuple(origins)
    model = DEFAULT_MODEL if spec == "auto" else spec
    try:
        return (*origins, _check_model(model, config))
    except AbsentModel as error:
        if needs_model:
            raise
        _log.warning("%s", error)
        revision, license = revision_of(model, config.depth_revision), LICENSE_OF_MODEL.get(model, "")
        return (*origins, DepthOrigin(model, revision, license, is_noncommercial(license), is_here=False))


class NotEstimated(Rejection):
    """What `open_depth` without `estimates` answers for a photo whose depth a model would have to estimate."""

    def __init__(self) -> None:
        super().__init__("depth", "not_estimated", "a dry run estimates no depth")


def open_depth(config: DepthConfig, device: str = "cpu", *, estimates: bool = True) -> DepthEstimator:
    """The estimator that `--depth` names; see `check_depth`. A model is loaded here, for `auto` at its first photo.

    Without `estimates` none is: files and synthetic shapes give maps, other photos get NotEstimated.

    Raises UserError as `check_depth` does.
    """

    sidecars = SidecarDepth(config.depth_dir, config.depth_kind, config.deband_depth, config.depth_orientation)
    if config.depth == "sidecar":
        return sidecars
    if config.depth in SYNTHETIC_SHAPES:
        return SyntheticDepth(config.depth)
    if not estimates:
        return _SidecarElseModel(sidecars, _NoModel) if config.depth == "auto" else _NoModel()
    if config.depth == "auto":
        return _SidecarElseModel(sidecars, lambda: _open_model(DEFAULT_MODEL, config, device))
    return _open_model(config.depth, config, device)


def _check_model(model: str, config: DepthConfig) -> DepthOrigin:
    kind, revision = config.depth_kind, config.depth_revision
    if model in SYNTHETIC_SHAPES:
        return check_synthetic(model, kind=kind)
    if _is_onnx(model):
        require(revision is None, "--depth-revision", "come with a model of the hub", f"the file {model}")
        return check_onnx(Path(model), kind=kind)
    if is_moge(model):
        return check_moge(model, kind=kind, revision=revision)
    found = check_checkpoint(model, kind=kind, revision=revision, allow_network=not config.offline)
    here = found.folder is not None
    return DepthOrigin(found.model, found.revision, found.license, found.is_noncommercial, here, kind=found.kind)


def _open_model(model: str, config: DepthConfig, device: str) -> NetworkDepth:
    kind, revision, batch, deband = config.depth_kind, config.depth_revision, config.depth_batch, config.deband_depth
    if _is_onnx(model):
        return OnnxDepth(Path(model), kind=kind, device=device, batch_size=batch, deband=deband)
    if is_moge(model):
        return MogeDepth(model, revision=revision, device=device, batch_size=batch, deband=deband)
    found = fetch_checkpoint(model, kind=kind, revision=revision, allow_network=not config.offline)
    return TransformersDepth(found, device=device, batch_size=batch, deband=deband)


def _is_onnx(model: str) -> bool:
    return model.lower().endswith(".onnx")


@dataclass(frozen=True)
class _SidecarElseModel:
    sidecars: SidecarDepth
    open_model: Callable[[], DepthEstimator]
    opening: Lock = field(default_factory=Lock)  # threads ask for the model at once

    @cached_property
    def _model(self) -> DepthEstimator:
        return self.open_model()

    def prepared(self, photo: Photo) -> PreparedDepth:
        if self.sidecars.folders.has_depth(photo.source):
            return self.sidecars.prepared(photo)
        with self.opening:
            model = self._model
        return model.prepared(photo)

    def maps(self, photos: Sequence[Photo], prepared: Sequence[PreparedDepth]) -> list[DisparityMap | Rejection]:
        needs_model = any(isinstance(one, Tensor) for one in prepared)
        return self._model.maps(photos, prepared) if needs_model else self.sidecars.maps(photos, prepared)


class _NoModel:
    def prepared(self, photo: Photo) -> PreparedDepth:
        return NotEstimated()

    def maps(self, photos: Sequence[Photo], prepared: Sequence[PreparedDepth]) -> list[DisparityMap | Rejection]:
        return [one for one in prepared if not isinstance(one, Tensor)]


def shared_sidecars(
    config: DepthConfig, photos: Sequence[PhotoSource], folders: SidecarFolders
) -> dict[int, Rejection]:
    """Rejections of photos whose depth file would serve several of them, by index."""
    return folders.rejections(photos) if config.depth in _WITH_SIDECARS else {}


def _check_sidecar(path: StoragePath, kind: Kind | None) -> None:
    """That depth.json and --depth-kind make sense, on the first file: a mistake there repeats in all of them."""
    try:
        meaning(path, read_note(path), kind)
    except Rejection as rejection:
        raise UserError(f"--depth sidecar: {rejection.message}") from rejection
    with suppress(Rejection):  # a file that cannot be read is that photo's matter
        raw = numbers_of_file(path, kind)
        if raw.kind == "metric":
            disparity = metric_disparity(raw.values, is_depth=raw.quantity == "depth")
            if warning := unit_warning(disparity):
                _log.warning("%s: %s", path.name, warning)
