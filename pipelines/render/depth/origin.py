"""A source of disparity, as it is known before a run."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class DepthOrigin:
    """A source of disparity, known before the run: for the fingerprint, the card, and the doctor."""

    source: str  # `sidecar` or a model's id
    revision: str  # of the model; "" for sidecars, where each file has its own
    license: str  # of the model's weights; "" when not known
    is_noncommercial: bool
    is_here: bool  # False when the model will be downloaded first
    runtime: str = ""  # program and version that run the model, where it is not transformers
    kind: str = ""  # of the values; "" for sidecars, where each file has its own, and where it is not known yet


def revision_of_files(paths: Iterable[Path]) -> str:
    """sha256: of local files, their names and their bytes: the revision of a model that has no other."""
    digest = hashlib.sha256()
    for path in sorted(paths):
        digest.update(f"{path.name}:{path.stat().st_size}:".encode())
        with path.open("rb") as stream:
            while chunk := stream.read(1 << 20):
                digest.update(chunk)
    return f"sha256:{digest.hexdigest()[:16]}"
