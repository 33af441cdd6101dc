"""The paths of a data set's files.

OUT/README.md  index.json  manifest.parquet  croissant.json  SHA256SUMS  rejects.jsonl
OUT/shards/train-000000.tar ...
OUT/.meta/plan.jsonl  config.json  left_out.jsonl  runs.jsonl  train-000000.json  train-000000.rejects.jsonl ...
OUT/.meta/run.lock  hashes-0123456789abcdef.npy ...
"""

from dataclasses import dataclass

from pipelines.errors import UserError
from shards.card import CARD_FILE
from shards.croissant import CROISSANT_FILE
from shards.index import CHECKSUM_FILE, INDEX_FILE
from shards.manifest import MANIFEST_FILE
from shards.storage import StoragePath

LOCK_FILE = "run.lock"
KEPT_FILES = (LOCK_FILE, "hashes-")
SIDE_FILES = (CARD_FILE, INDEX_FILE, MANIFEST_FILE, CROISSANT_FILE, CHECKSUM_FILE, "rejects.jsonl")


@dataclass(frozen=True)
class DataSetPaths:
    """The paths below OUT that a run writes. Tars, markers and index are written by `shards`."""

    out: StoragePath

    @property
    def meta(self) -> StoragePath:
        return self.out / ".meta"

    @property
    def plan(self) -> StoragePath:
        return self.meta / "plan.jsonl"

    @property
    def fingerprint(self) -> StoragePath:
        return self.meta / "config.json"

    @property
    def rejects(self) -> StoragePath:
        return self.out / "rejects.jsonl"

    @property
    def left_out(self) -> StoragePath:
        """Photos that are not in the plan: unreadable ones, duplicates."""
        return self.meta / "left_out.jsonl"

    def shard_rejects(self, shard: str) -> StoragePath:
        """Photos that one shard rejected; a resumed run reads them here."""
        return self.meta / f"{shard}.rejects.jsonl"

    def create(self) -> None:
        """Make the folders. Raises UserError when OUT is a folder of other files."""
        if self.out.is_dir() and not self.meta.is_dir() and any(self.out.iterdir()):
            raise UserError(f"--out {self.out} holds other things than a data set; name a new or an empty folder")
        self.meta.mkdir(parents=True, exist_ok=True)

    def clear(self) -> None:
        """Remove the data set: tars, side files, and everything in `.meta` but the lock and hashes of photos. Other
        files stay.

        The fingerprint goes first: a folder without one holds no data set to resume.
        """
        meta = [path for path in self.meta.glob("*") if path.is_file() and not path.name.startswith(KEPT_FILES)]
        ours = [*meta, *(self.out / "shards").glob("*.tar"), *(self.out / name for name in SIDE_FILES)]
        for path in (self.fingerprint, *ours):
            path.unlink(missing_ok=True)
