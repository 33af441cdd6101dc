"""The figures of docs/storage.md: `python -m tests.pipelines.stores.table`.

Five fields of one sample out of a shard of 48 MB; then every verb against every fault: exit code, seconds, requests,
bytes down by bytes stored.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from pipelines.__main__ import main
from shards import ImageCodec, SampleAccess, ShardWriter, encode, find_shards, write_index
from shards.storage import StoragePath, storage_path
from tests.pipelines.stores.faulty_store import FAULTS, FaultyStore, faulty_store
from tests.pipelines.stores.test_verbs import PHOTOS, URL, VERBS, Filled, fill
from tests.shards.synthetic import make_sample

FIELDS = ("aif.png", "disparity.png", "frame_01.png", "frame_03.png", "json")


def cell(filled: Filled, verb: str, fault: str, stored: int) -> str:
    """`0; 1.2 s; 14 requests; 1.02`: exit code, time, requests, bytes down by bytes stored."""
    filled.store.reset(fault)
    started = time.monotonic()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        code = main(filled.command(verb, f"table-{verb}-{fault}"))
    seconds, requests = time.monotonic() - started, filled.store.requests.total()
    return f"{code}; {seconds:.1f} s; {requests}; {filled.store.bytes_down / stored:.2f}"


def verbs_by_faults(filled: Filled) -> Iterator[str]:
    """One row a verb, one column a fault, as they are measured."""
    stored = sum(tar.stat().st_size for tar in (filled.local / "set" / "shards").iterdir())
    yield f"{PHOTOS} samples, {stored} bytes in tars; each cell: exit code; time; requests; bytes down / bytes stored\n"
    yield f"| verb | {' | '.join(FAULTS)} |\n|{'---|' * (len(FAULTS) + 1)}"
    for verb in VERBS:
        yield f"| {verb} | {' | '.join(cell(filled, verb, fault, stored) for fault in FAULTS)} |"


def five_fields(store: FaultyStore, out: StoragePath) -> str:
    """Bytes down for five fields of one sample, and for a whole epoch, of one shard of 48 MB."""
    draws = np.random.default_rng(0)
    with ShardWriter(out, "train-000000") as shard:
        for number in range(8):
            sample = make_sample(number, width=768, height=512)
            noise = {name: draws.integers(0, 256, getattr(sample, name).shape, np.uint8) for name in ("aif", "frames")}
            shard.add(sample.key, encode(dataclasses.replace(sample, **noise), ImageCodec("png")))
    write_index(out)
    assert shard.marker is not None
    access = SampleAccess(find_shards(out), lambda key, fields: fields)
    store.reset()
    fields = access.read(0, 3, verify=True)
    wanted = sum(len(fields[name]) for name in FIELDS)
    alone, requests = store.bytes_down, store.requests.total()
    store.reset()
    sum(map(len, fields.read(FIELDS).values()))  # type: ignore[attr-defined]
    return (
        f"five fields of a shard of {shard.marker.tar_bytes} bytes: {wanted} wanted; one after the other {alone} down "
        f"in {requests} requests, the marker's among them; together {store.bytes_down} down in "
        f"{store.requests.total()} requests, {store.bytes_down / wanted:.3f} x what is wanted"
    )


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder, faulty_store() as store:
        print(five_fields(store, storage_path(f"{URL}/noise")), flush=True)
        for line in verbs_by_faults(fill(store, Path(folder))):
            print(line, flush=True)
