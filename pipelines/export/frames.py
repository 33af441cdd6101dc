"""Format `frames`: KEY/aif.jpg, frame_00.jpg ..., disparity.png, known.png, labels.json, and metadata.jsonl.

It has a line a frame: `file_name` and `aif_file_name` make `load_dataset("imagefolder", data_dir=DIR)` give both as
pictures, with the labels.
"""

import dataclasses
from collections.abc import Iterable, Iterator

from pipelines.export.exporter import Exporter, Row, ShardFiles, json_lines
from pipelines.export.source import SourceSample
from shards.codec import DISPARITY_FIELD, RECORD_FIELD, VALID_FIELD

_RENAMED = {RECORD_FIELD: "labels.json", VALID_FIELD: "known.png"}
"""`datasets` takes a file called `valid.png` for a picture of the validation split."""


class Frames(Exporter):
    """Every picture of every scene, as files."""

    def write_shard(self, name: str, samples: Iterator[SourceSample], files: ShardFiles) -> list[Row]:
        return [row for sample in samples for row in _write_sample(sample, files)]

    def finish(self, rows: Iterable[Row]) -> dict[str, Iterable[bytes]]:
        return {"metadata.jsonl": json_lines(rows)}


def _write_sample(sample: SourceSample, files: ShardFiles) -> Iterator[Row]:
    record, contents = sample.record, sample.fields.read(sample.names)
    for name, data in contents.items():
        files.write(f"{sample.key}/{_RENAMED.get(name, name)}", data)
    disparity = dataclasses.asdict(record.disparity)
    scene = {
        "aif_file_name": f"{sample.key}/{sample.names[0]}",
        "disparity_path": f"{sample.key}/{DISPARITY_FIELD}",
        "known_path": f"{sample.key}/{_RENAMED[VALID_FIELD]}",
        "key": sample.key,
        "scene_id": record.scene_id,
        "split": record.split,
        **{f"disparity_{name}": disparity[name] for name in ("kind", "scale", "offset")},
        "photo": record.photo.name,
        "license": record.photo.license,
    }
    for number, frame in enumerate(record.frames):
        yield {"file_name": f"{sample.key}/{sample.names[2 + number]}", **scene, **dataclasses.asdict(frame)}
