"""Format `parquet`: data/train-000000.parquet, one a shard, whose pictures `datasets` shows as PIL images.

Columns `cond_image`, `image`, `control_image` (with --control), `caption`, `key` and the labels of the pair. The
schema's metadata says which columns are pictures, as `datasets` writes it; pyarrow alone reads and writes the file.
"""

import itertools
import json
from collections.abc import Iterable, Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.export.control_picture import control_picture
from pipelines.export.exporter import Exporter, Row, ShardFiles
from pipelines.export.pair import Pair, draw_pairs
from pipelines.export.source import SourceSample
from pipelines.export.trainers import diffusers_command

ROW_GROUP = 100
"""Rows: what a reader of the hub's viewer fetches at once."""
_PICTURE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
_TYPES = {str: (pa.string(), "string"), float: (pa.float64(), "float64")}


class Parquet(Exporter):
    """Typed columns."""

    def write_shard(self, name: str, samples: Iterator[SourceSample], files: ShardFiles) -> list[Row]:
        config = self.config
        rows: Iterator[dict[str, Any]] = (
            self._row(sample, pair)
            for sample in samples
            for pair in draw_pairs(sample.record, config.pairs, config.per_scene, config.seed)
        )
        path = f"data/{name}.parquet"
        first = next(rows)
        schema = _schema(first)
        with pq.ParquetWriter(files.place(path), schema, compression="none") as writer:  # pictures are compressed
            rows = itertools.chain([first], rows)
            while group := list(itertools.islice(rows, ROW_GROUP)):
                writer.write_table(pa.Table.from_pylist(group, schema), row_group_size=ROW_GROUP)
        files.written(path)
        return []

    def finish(self, rows: Iterable[Row]) -> dict[str, Iterable[bytes]]:
        columns = ("image", "cond_image")
        return {"trainers/diffusers.sh": [diffusers_command(self.config.to.absolute(), *columns).encode()]}

    def _row(self, sample: SourceSample, pair: Pair) -> dict[str, Any]:
        stem = f"{sample.key}-{pair.name}"
        source, target = sample.picture(pair.source), sample.picture(pair.target)
        pictures = {
            "cond_image": {"bytes": source.data, "path": f"{stem}-source{source.suffix}"},
            "image": {"bytes": target.data, "path": f"{stem}{target.suffix}"},
        }
        if self.config.control != "none":
            data = control_picture(self.config.control, sample, pair.labeled_frame(sample.record))
            pictures["control_image"] = {"bytes": data, "path": f"{stem}-control.png"}
        labels = pair.labels(sample.record)
        return {**pictures, "caption": self.sentence(sample, pair), "key": sample.key, **labels}


def _schema(row: dict[str, Any]) -> pa.Schema:
    """Columns in the order of a row, with the features that `datasets` reads from the schema's metadata."""
    fields, features = [], {}
    for name, value in row.items():
        is_picture = isinstance(value, dict)
        kind, dtype = (_PICTURE, "") if is_picture else _TYPES[type(value)]
        fields.append(pa.field(name, kind))
        features[name] = {"_type": "Image"} if is_picture else {"dtype": dtype, "_type": "Value"}
    described = json.dumps({"info": {"features": features}})
    return pa.schema(fields, metadata={"huggingface": described})
