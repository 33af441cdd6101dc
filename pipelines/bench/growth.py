"""What planning, indexing and verifying cost as a data set grows: time and memory a photo, and their exponents.

    python -m pipelines.bench.growth 10000 100000 1000000

Each size is measured in a process of its own, on synthetic data that separates this program's cost from that of disks
and pictures: files of a few bytes, records with random hashes instead of photos, and markers of twelve frames beside
sparse tars. What the disk and the decoding of real photos add is said in docs/scale.md.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import logging
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from math import log
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from pipelines.bench.memory import resident_bytes
from pipelines.render.config import DepthConfig, ExecutionConfig, RenderConfig, SourceConfig
from pipelines.render.photos.content import ContentHashes
from pipelines.render.photos.finding import FoundPhotos, Hashing, find_photos
from pipelines.render.photos.known_hashes import KnownHashes
from pipelines.render.photos.table import PhotoTable
from pipelines.render.plan.finished import compared_with_plan
from pipelines.render.plan.plan import PlannedShard, read_plan
from pipelines.render.plan.planning import Planning, plan_run
from pipelines.runs.data_set_paths import DataSetPaths
from shards.card import write_card
from shards.index import INDEX_FILE, marked_shards, write_index
from shards.marker import MARKER_VERSION, SampleRow, marker_path, read_marker, tar_path
from shards.parallel import Workers
from shards.record import SCHEMA_VERSION
from shards.side_files import check_side_files
from shards.storage import StoragePath
from shards.strict_json import canonical, parse_object
from shards.summary import DataSetSummary
from shards.validate import MAX_INDEX_BYTES

_FIELDS = ("aif.jpg", "disparity.png", *(f"frame_{i:02d}.jpg" for i in range(12)), "json", "valid.png")
_ROW = SampleRow(
    key="00000000",
    scene_id="",
    width=768,
    height=576,
    seed=0,
    photo_name="",
    photo_sha256="",
    license="",
    author="",
    source_url="",
    scene_kind="",
    disparity_kind="relative",
    disparity_source="sidecar",
    disparity_source_revision="",
    disparity_quantization_levels=0,
    disparity_steps="",
    disparity_filled_fraction=0.0,
    planes=4,
    levels=3,
    blur_levels=(0.4, 1.3, 4.0),
    radius_max_px=30.7,
    sizes=(250_000,) * len(_FIELDS),
    crc32=("0123abcd",) * len(_FIELDS),
)
_TAR_BYTES = 10_240


@dataclasses.dataclass(frozen=True)
class StageCost:
    """CPU and wall seconds of one stage over so many photos, and the memory that it added at its peak, in bytes."""

    stage: str
    photos: int
    cpu_s: float
    wall_s: float
    peak_bytes: int


class _Clock:
    """Measures stages one after the other, in this process."""

    def __init__(self, photos: int) -> None:
        self.photos = photos
        self.costs: list[StageCost] = []

    def measure(self, stage: str, function: Callable[[], Any]) -> Any:
        """What the function returns. Peaks are counted from the memory that was in use before."""
        before = _reset_peak()
        cpu, wall = time.process_time(), time.monotonic()
        result = function()
        cpu, wall = time.process_time() - cpu, time.monotonic() - wall
        self.costs.append(StageCost(stage, self.photos, cpu, wall, resident_bytes("VmHWM") - before))
        return result


def _reset_peak() -> int:
    """Make the present memory the peak, and return it: `5` into clear_refs resets VmHWM (proc(5))."""
    Path("/proc/self/clear_refs").write_text("5")
    return resident_bytes("VmRSS")


def measure(photos: int, folder: Path) -> list[StageCost]:
    """The stages of a data set of so many photos, in their order. Writes about 6 kB a photo below `folder`."""
    logging.disable(logging.WARNING)  # of random hashes in one split, say
    clock = _Clock(photos)
    _measure_files(clock, folder)
    config = RenderConfig(
        SourceConfig("synthetic"),
        folder / "out",
        depth=DepthConfig("sidecar", depth_kind="relative", depth_dir=folder),
        execution=ExecutionConfig(device="cpu"),
    )
    paths = DataSetPaths(config.out)
    paths.create()
    (config.out / "shards").mkdir()
    found = FoundPhotos(_synthetic_photos(photos), [])
    np.save(folder / "00000000.npy", np.linspace(0, 1, 4096, dtype=np.float32).reshape(64, 64))  # of the first photo
    planning: Planning = clock.measure("first plan", lambda: plan_run(config, found, paths))
    clock.measure("write plan.jsonl", planning.freeze)
    for shard in planning.plan.shards:
        _write_shard(config.out, shard, planning.config_sha256)

    def resumed() -> None:
        again = plan_run(config, found, paths)
        assert len(again.finished_shards()) == len(again.plan.shards)
        again.freeze()

    del planning
    clock.measure("resumed run with nothing to do", resumed)
    clock.measure("index, manifest, checksums, card", lambda: write_card(config.out, write_index(config.out)))
    clock.measure("verify markers and side files", lambda: _verify(paths))
    return clock.costs


def _measure_files(clock: _Clock, folder: Path) -> None:
    """Finding files of a few bytes in folders of a thousand: read once, and known the second time."""
    root = folder / "photos"
    for start in range(0, clock.photos, 1000):
        (root / f"{start:08d}").mkdir(parents=True)
        for number in range(start, min(start + 1000, clock.photos)):
            (root / f"{start:08d}" / f"{number:08d}.jpg").write_bytes(b"%d" % number)
    time.sleep(3.0)  # files that changed just before they were read are not kept

    def find() -> None:
        known = KnownHashes(folder / "known", lambda: (folder / "known").mkdir(exist_ok=True))
        find_photos(str(root), limit=None, seed=0, hashing=Hashing(True, Workers(1), known))
        known.store()

    clock.measure("find and read photos", find)
    clock.measure("find photos that are known", find)


def _synthetic_photos(count: int) -> PhotoTable:
    rng = np.random.default_rng(0)
    sums, hashes = rng.bytes(32 * count), rng.integers(0, 2**64, count, dtype=np.uint64).tolist()
    photos = PhotoTable()
    for i, near_hash in enumerate(hashes):
        name = f"{i // 1000:08d}/{i:08d}.jpg"
        hashes = ContentHashes(sums[32 * i : 32 * i + 32], f"{near_hash:016x}")
        photos.append_row(name, f"/data/photos/{name}", ("CC0-1.0", "", "", "", ""), hashes)
    return photos


def _write_shard(out: StoragePath, shard: PlannedShard, config_sha256: str) -> None:
    """A marker as the writer makes it, and a sparse tar of the size that it states."""
    rows = [
        vars(_ROW)
        | {"key": sample.key, "scene_id": sample.photo.scene_id, "photo_sha256": sample.photo.sha256}
        | {"photo_name": sample.photo.name, "license": sample.photo.license}
        for sample in shard.samples
    ]
    counts = {"samples": len(rows), "frames": 12 * len(rows), "members": len(_FIELDS) * len(rows)}
    marker = {
        **{"name": shard.name, "split": shard.split, "config_sha256": config_sha256, "fields": _FIELDS, **counts},
        **{"tar_bytes": _TAR_BYTES, "sha256": "0" * 64, "rows": rows},
        **{"marker_version": MARKER_VERSION, "schema_version": SCHEMA_VERSION},
    }
    marker_path(out, shard.name).write_bytes(canonical(marker))
    with tar_path(out, shard.name).open("wb") as tar:
        tar.truncate(_TAR_BYTES)


def _verify(paths: DataSetPaths) -> None:
    """What `verify` does beyond reading tars: markers against plan, and side files against markers."""
    plan = read_plan(paths.plan)
    summary = DataSetSummary(read_marker(paths.out, name) for name in marked_shards(paths.out))
    index = parse_object((paths.out / INDEX_FILE).read_bytes(), max_bytes=MAX_INDEX_BYTES)
    wrong = [*compared_with_plan(paths, plan, summary.config_sha256), *check_side_files(paths.out, index, summary)]
    assert not wrong, wrong[:3]


def measured_apart(photos: int) -> list[StageCost]:
    """`measure` in a fresh process. Raises CalledProcessError when it fails."""
    with TemporaryDirectory(prefix="refocus-growth-") as folder:
        command = [sys.executable, "-m", __name__ if __name__ != "__main__" else "pipelines.bench.growth"]
        done = subprocess.run([*command, "--child", folder, str(photos)], stdout=subprocess.PIPE, check=True)
    return [StageCost(**cost) for cost in json.loads(done.stdout)]


def table(costs: Sequence[StageCost]) -> str:
    """Markdown: one row a stage and size; the exponent is that of CPU time, against the size before."""
    return "\n".join(_rows(costs))


def _rows(costs: Sequence[StageCost]) -> Iterator[str]:
    yield "| stage | photos | CPU s | CPU µs a photo | peak MB | bytes a photo | exponent |"
    yield "|---|---|---|---|---|---|---|"
    for stage in dict.fromkeys(cost.stage for cost in costs):
        before: StageCost | None = None
        for cost in (cost for cost in costs if cost.stage == stage):
            each = f"{1e6 * cost.cpu_s / cost.photos:.1f}"
            memory = f"{cost.peak_bytes / 1e6:.0f} | {cost.peak_bytes / cost.photos:.0f}"
            exponent = f"{log(cost.cpu_s / before.cpu_s) / log(cost.photos / before.photos):.2f}" if before else ""
            yield f"| {stage} | {cost.photos} | {cost.cpu_s:.2f} | {each} | {memory} | {exponent} |"
            before = cost


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table of these sizes."""
    parser = argparse.ArgumentParser(prog="python -m pipelines.bench.growth", description=__doc__)
    parser.add_argument("photos", type=int, nargs="*", default=[10_000, 100_000], help="sizes, ascending")
    parser.add_argument("--child", metavar="FOLDER", help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    if chosen.child:
        costs = [cost for photos in chosen.photos for cost in measure(photos, Path(chosen.child))]
        print(json.dumps([dataclasses.asdict(cost) for cost in costs]))
    else:
        print(table([cost for photos in chosen.photos for cost in measured_apart(photos)]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
