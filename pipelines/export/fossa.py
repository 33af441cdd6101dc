"""Format `fossa`: focus stacks at the same distances in meters for every scene, rendered anew, with depth and K.

KEY/focus_stack/image_ap_1.40_fd_0.80.png ..., KEY/image_all_in_focus.jpg, KEY/gt/depth.npy (meters, NaN: not known),
KEY/gt/K.txt and KEY/cam_all_in_focus.npz (intrinsics in pixels), and SPLIT.json as FOSSA's loader of Infinigen Defocus
reads it. The stored stacks cannot serve: their planes follow each scene, and the loader asks for the same distances
everywhere.
"""

import io
import json
from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt
import torch

from pipelines.errors import UserError
from pipelines.export.exporter import Exporter, Row, ShardFiles
from pipelines.export.metric_depth import depth_m
from pipelines.export.source import SourceSample
from pipelines.pictures.srgb8 import from_srgb8, to_srgb8
from shards.codec import ImageCodec, decode_image, encode_image
from simulator import render_stack
from simulator.optics.lens import PhysicalLens

_PNG = ImageCodec("png")


class FocusStacks(Exporter):
    """Stacks of one f-number."""

    def write_shard(self, name: str, samples: Iterator[SourceSample], files: ShardFiles) -> list[Row]:
        return [self._write_sample(sample, files) for sample in samples]

    def finish(self, rows: Iterable[Row]) -> dict[str, Iterable[bytes]]:
        content = {"files": list(rows)}
        return {f"{self.config.split}.json": [(json.dumps(content, indent=1) + "\n").encode()]}

    def _write_sample(self, sample: SourceSample, files: ShardFiles) -> Row:
        key, size = sample.key, {"width": sample.record.width, "height": sample.record.height}
        lenses = self._lenses(sample)
        photo = sample.picture(None)
        paths = {
            "image": f"{key}/image_all_in_focus{photo.suffix}",
            "depth": f"{key}/gt/depth.npy",
            "camera": f"{key}/cam_all_in_focus.npz",
        }
        intrinsics = _intrinsics(lenses[0], **size)
        files.write(paths["image"], photo.data)
        files.write(paths["depth"], _saved(depth_m(sample)))
        files.write(f"{key}/gt/K.txt", "".join(" ".join(f"{v:.6f}" for v in row) + "\n" for row in intrinsics).encode())
        camera = io.BytesIO()
        np.savez(camera, K=intrinsics)
        files.write(paths["camera"], camera.getvalue())
        image = decode_image(sample.names[0], photo.data, **size)
        disparity = torch.from_numpy(sample.disparity().astype(np.float32))
        long_side = max(size.values())
        stack = to_srgb8(render_stack(from_srgb8(image), disparity, [lens.thin_lens(long_side) for lens in lenses]))
        for lens, frame in zip(lenses, stack, strict=True):
            at = f"ap_{lens.f_number:.2f}_fd_{lens.focus_distance_m:.2f}"
            path = f"{key}/focus_stack/image_{at}.png"
            files.write(path, encode_image(frame, _PNG))
            paths[f"image_ap_{lens.f_number:.1f}_fd_{lens.focus_distance_m:.1f}"] = path
        return paths

    def _lenses(self, sample: SourceSample) -> list[PhysicalLens]:
        """Raises UserError without metric disparity, or a camera."""
        kind, stored, config = sample.record.disparity.kind, sample.record.lens, self.config
        if kind != "metric":
            way_out = "render with depth in meters (docs/depth-json.md), or choose another --format"
            raise UserError(f"--format fossa needs metric disparity; that of sample {sample.key} is {kind}; {way_out}")
        focal_mm = stored.focal_length_mm or config.focal_length_mm
        sensor_mm = stored.sensor_width_mm or config.sensor_width_mm
        if not (focal_mm and sensor_mm):
            got = f"{focal_mm:g} and {sensor_mm:g} mm"
            way_out = "give --focal-length-mm and --sensor-width-mm"
            raise UserError(f"sample {sample.key} must have focal length and sensor width; got {got}; {way_out}")
        try:
            return [PhysicalLens(focal_mm, config.f_number, sensor_mm, d) for d in config.focus_distances_m]
        except ValueError as error:
            raise UserError(f"--focus-distances-m does not suit the lens of sample {sample.key}: {error}") from error


def _intrinsics(lens: PhysicalLens, *, width: int, height: int) -> npt.NDArray[np.float64]:
    """K [3, 3] in pixels, of a camera that looks through the middle of the picture."""
    focal_px = lens.focal_length_mm / lens.sensor_width_mm * max(width, height)
    return np.array([[focal_px, 0.0, width / 2], [0.0, focal_px, height / 2], [0.0, 0.0, 1.0]])


def _saved(array: npt.NDArray[np.float32]) -> bytes:
    content = io.BytesIO()
    np.save(content, array)
    return content.getvalue()
