"""Format `pairs`: target/NAME.jpg, control/NAME.jpg, control2/NAME.png, target/NAME.txt, metadata.jsonl, trainers/.

A row carries the keys of musubi-tuner (`image_path`, `control_path` or `control_path_0` and `_1`, `caption`), of
DiffSynth-Studio (`image`, `edit_image`, `kontext_images`, `prompt`) and of `datasets` (`target_file_name`,
`cond_image_file_name`), and the labels. Its paths begin at the folder.
"""

from collections.abc import Iterable, Iterator

from pipelines.export.control_picture import control_picture
from pipelines.export.exporter import Exporter, Row, ShardFiles, json_lines
from pipelines.export.pair import Pair, draw_pairs
from pipelines.export.source import SourceSample
from pipelines.export.trainers import trainer_files

METADATA_FILE = "metadata.jsonl"


class PairsFolder(Exporter):
    """Pictures and sentences in folders."""

    def write_shard(self, name: str, samples: Iterator[SourceSample], files: ShardFiles) -> list[Row]:
        config = self.config
        return [
            self._write_pair(sample, pair, files)
            for sample in samples
            for pair in draw_pairs(sample.record, config.pairs, config.per_scene, config.seed)
        ]

    def _write_pair(self, sample: SourceSample, pair: Pair, files: ShardFiles) -> Row:
        stem = f"{sample.key}-{pair.name}"
        source, target = sample.picture(pair.source), sample.picture(pair.target)
        paths = {"target": f"target/{stem}{target.suffix}", "control": f"control/{stem}{source.suffix}"}
        files.write(paths["target"], target.data)
        files.write(paths["control"], source.data)
        text = self.sentence(sample, pair)
        files.write(f"target/{stem}.txt", text.encode())
        controls = [paths["control"]]
        if self.config.control != "none":
            controls.append(f"control2/{stem}.png")
            frame = pair.labeled_frame(sample.record)
            files.write(controls[1], control_picture(self.config.control, sample, frame))
        return row_of_pair(paths["target"], controls, text) | {"key": sample.key} | pair.labels(sample.record)

    def finish(self, rows: Iterable[Row]) -> dict[str, Iterable[bytes]]:
        trainers = trainer_files(self.config.to.absolute(), has_second_control=self.config.control != "none")
        return {METADATA_FILE: json_lines(rows), **{name: [data] for name, data in trainers.items()}}


def row_of_pair(target: str, controls: list[str], text: str) -> Row:
    """The keys that trainers look for."""
    numbered = {f"control_path_{i}": path for i, path in enumerate(controls)}
    edit_image = controls if len(controls) > 1 else controls[0]
    return {
        "image_path": target,
        **(numbered if len(controls) > 1 else {"control_path": controls[0]}),
        "caption": text,
        "image": target,
        "edit_image": edit_image,
        "kontext_images": controls[0],
        "prompt": text,
        "target_file_name": target,
        "cond_image_file_name": controls[0],
    }
