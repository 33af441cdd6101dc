"""The data set's folder as the run sees it: what lies where, written whole or not at all.

OUT/README.md  index.json  manifest.parquet  SHA256SUMS  rejects.jsonl
OUT/shards/train-000000.tar ...
OUT/.meta/plan.json  config.json  runs.jsonl  train-000000.json  train-000000.rejects.jsonl ...  run.lock
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Folder:
    """OUT. Tars, markers and index belong to `shards`; plan, fingerprint and rejects are here."""

    out: Path

    @property
    def meta(self) -> Path:
        return self.out / ".meta"

    @property
    def plan(self) -> Path:
        return self.meta / "plan.json"

    @property
    def fingerprint(self) -> Path:
        return self.meta / "config.json"

    @property
    def rejects(self) -> Path:
        return self.out / "rejects.jsonl"

    def shard_rejects(self, shard: str) -> Path:
        """What one shard left out: kept until the whole list is written, so that resuming loses none."""
        return self.meta / f"{shard}.rejects.jsonl"
