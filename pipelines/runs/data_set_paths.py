"""The data set's folder as the run sees it: what lies where, written whole or not at all.

OUT/README.md  index.json  manifest.parquet  croissant.json  SHA256SUMS  rejects.jsonl
OUT/shards/train-000000.tar ...
OUT/.meta/plan.json  config.json  left_out.jsonl  runs.jsonl  train-000000.json  train-000000.rejects.jsonl ...
OUT/.meta/run.lock
"""

from __future__ import annotations

from dataclasses import dataclass

from shards.card import CARD_FILE
from shards.croissant import CROISSANT_FILE
from shards.index import CHECKSUM_FILE, INDEX_FILE, MANIFEST_FILE
from shards.storage import StoragePath

LOCK_FILE = "run.lock"
SIDE_FILES = (CARD_FILE, INDEX_FILE, MANIFEST_FILE, CROISSANT_FILE, CHECKSUM_FILE, "rejects.jsonl")


@dataclass(frozen=True)
class Folder:
    """OUT. Tars, markers and index belong to `shards`; plan, fingerprint and rejects are here."""

    out: StoragePath

    @property
    def meta(self) -> StoragePath:
        return self.out / ".meta"

    @property
    def plan(self) -> StoragePath:
        return self.meta / "plan.json"

    @property
    def fingerprint(self) -> StoragePath:
        return self.meta / "config.json"

    @property
    def rejects(self) -> StoragePath:
        return self.out / "rejects.jsonl"

    @property
    def left_out(self) -> StoragePath:
        """Photos that never came into the plan: unreadable ones, duplicates."""
        return self.meta / "left_out.jsonl"

    def shard_rejects(self, shard: str) -> StoragePath:
        """What one shard left out: kept until the whole list is written, so that resuming loses none."""
        return self.meta / f"{shard}.rejects.jsonl"

    def clear(self) -> None:
        """Remove the data set: its tars, what stands beside them, what `.meta` holds but the lock. Nothing else.

        The fingerprint goes first: without it, whatever is left of the rest counts as nothing.
        """
        meta = [path for path in self.meta.glob("*") if path.is_file() and path.name != LOCK_FILE]
        ours = [*meta, *(self.out / "shards").glob("*.tar"), *(self.out / name for name in SIDE_FILES)]
        for path in (self.fingerprint, *ours):
            path.unlink(missing_ok=True)
