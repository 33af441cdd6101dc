"""Format `bokehdepth`: manifest.jsonl as the training code of BokehDepth reads it, and the pictures that it names.

Paths are absolute, as it asks for. `camera_anns.dof-cond` (and `dof_cond`, as its table of samples calls it) is K: the
blur radius in pixels of a point one unit of disparity off the plane in focus. Depth is written where it is metric, in
meters; for relative disparity `depth_map_path` is "" and depth is zero there.
"""

import io
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from pipelines.export.exporter import Exporter, Row, ShardFiles, json_lines
from pipelines.export.metric_depth import depth_m
from pipelines.export.pair import AIF, Pair, draw_pairs
from pipelines.export.source import SourceSample

RECENT_PHOTO_ID = 20_000_000_000
"""Its loader may keep larger numbers alone."""
_PATHS = ("input_image_path", "target_image_path", "depth_map_path")


class BokehDepth(Exporter):
    """Photo, frame, K and depth of each pair."""

    def write_shard(self, name: str, samples: Iterator[SourceSample], files: ShardFiles) -> list[Row]:
        return [row for sample in samples for row in self._write_sample(sample, files)]

    def finish(self, rows: Iterable[Row]) -> dict[str, Iterable[bytes]]:
        folder = self.config.to.absolute()
        lines = (row | {name: str(folder / row[name]) if row[name] else "" for name in _PATHS} for row in rows)
        return {"manifest.jsonl": json_lines(lines)}

    def _write_sample(self, sample: SourceSample, files: ShardFiles) -> Iterator[Row]:
        config, depth_path = self.config, ""
        if sample.record.disparity.kind == "metric":
            depth_path = f"depth/{sample.key}.npz"
            content = io.BytesIO()
            np.savez_compressed(content, depth=depth_m(sample))  # its members carry no time
            files.write(depth_path, content.getvalue())
        for pair in draw_pairs(sample.record, config.pairs, config.per_scene, config.seed):
            yield self._row(sample, pair, depth_path, files)

    def _row(self, sample: SourceSample, pair: Pair, depth_path: str, files: ShardFiles) -> dict[str, Any]:
        paths = {}
        for role, number in (("input", pair.source), ("target", pair.target)):
            picture = sample.picture(number)
            paths[role] = f"images/{sample.key}-{'aif' if number is AIF else f'f{number:02d}'}{picture.suffix}"
            if paths[role] not in files.sizes:
                files.write(paths[role], picture.data)
        frame = pair.labeled_frame(sample.record)
        return {
            "photo_id": RECENT_PHOTO_ID + 1 + 100 * int(sample.key) + sample.record.frames.index(frame),
            "input_image_path": paths["input"],
            "target_image_path": paths["target"],
            "depth_map_path": depth_path,
            "fg_mask_path": "",
            "captions": [self.sentence(sample, pair)],
            "camera_anns": {"dof-cond": frame.blur_scale_px},
            "dof_cond": frame.blur_scale_px,
            "disp_focus": frame.focus_disparity,
            "task_type": "add_bokeh" if pair.source is AIF else "adjust_bokeh",
            "suitable_for_synthetic": False,
            "foreground_clear": True,
        }
