"""Everything that can change a byte of a shard, as one flat record: it guards resuming, and its hash is a label.

Two machines with the same fingerprint make the same bytes on the same kind of processor. Which executor, how many
workers and which folder make no difference, so they are not in it; which photos is the plan's business.
"""

import dataclasses
import hashlib
from collections.abc import Sequence
from importlib.metadata import version

from pipelines.errors import UserError, one_line
from pipelines.render.config import RenderConfig
from pipelines.render.depth.estimator import DepthOrigin
from pipelines.render.sample.lens_sampling import MAX_MASK_BYTES
from pipelines.runs.data_set_paths import DataSetPaths
from pipelines.runs.settings import check_settings, read_settings, settings_to_json
from shards.foreign_file import read_foreign
from shards.record import SCHEMA_VERSION
from shards.storage import StoragePath
from simulator import RENDERER_VERSION
from simulator.scenes.catalog import SCENES_VERSION

Fingerprint = dict[str, str | int | float | list[float]]

LIBRARIES = ("torch", "numpy", "opencv-python-headless", "pillow", "transformers", "webdataset")


def fingerprint(config: RenderConfig, device_kind: str, depth_origins: Sequence[DepthOrigin]) -> Fingerprint:
    """Flat and in JSON's types. Keys are the flags' names where a flag decides.

    `depth_origins` says which weights `--depth` stands for; none when every scene is built-in.
    """
    depth = config.depth
    return {
        "schema_version": SCHEMA_VERSION,
        "renderer_version": RENDERER_VERSION,
        "scenes_version": SCENES_VERSION,
        **{f"version_{library}": version(library) for library in LIBRARIES},
        "device_kind": device_kind,
        "dtype": "float32",
        "threads": config.execution.threads,
        "seed": config.seed,
        "long_side": config.source.long_side,
        "depth": " + ".join(map(_described, depth_origins)) or "exact",
        "depth_kind": depth.depth_kind or "",
        "depth_orientation": depth.depth_orientation or "",
        "depth_dir": str(depth.depth_dir or ""),
        "depth_batch": depth.depth_batch,
        "deband_depth": depth.deband_depth,
        "sharpen_depth": depth.sharpen_depth,
        **dataclasses.asdict(config.vetting),
        **dataclasses.asdict(config.stack),
        **dataclasses.asdict(config.lens),
        "aperture_mask": _content_sha256("--aperture-mask", config.lens.aperture_mask),
        "psf": _content_sha256("--psf", config.lens.psf),
        **dataclasses.asdict(config.storage),
        "split_fractions": list(config.storage.split_fractions),
    }


def _described(origin: DepthOrigin) -> str:
    runtime = f" by {origin.runtime}" if origin.runtime else ""
    return f"{origin.source}@{origin.revision}{runtime}" if origin.revision else origin.source


def _content_sha256(flag: str, path: StoragePath | None) -> str:
    """Of the bytes of a flag's file; "" for none. Raises UserError when it cannot be read."""
    try:
        return hashlib.sha256(read_foreign(path, max_bytes=MAX_MASK_BYTES)).hexdigest() if path else ""
    except OSError as error:
        raise UserError(f"{flag} {path} cannot be read ({one_line(error)})") from error


def sha256_of(content: Fingerprint) -> str:
    """The label `renderer.config_sha256` of every sample."""
    return hashlib.sha256(settings_to_json(content)).hexdigest()


def check_fingerprint(paths: DataSetPaths, now: Fingerprint) -> None:
    """Raise UserError that names every setting in which this command differs from the data set."""
    try:
        before = read_settings(paths.fingerprint)
    except ValueError as error:
        raise UserError(f"{paths.fingerprint} is damaged ({error}); choose another --out") from error
    check_settings(paths.out, before, now)
