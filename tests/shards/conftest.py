from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import jaxtyping
import pytest

from tests.shards.synthetic import write_data_set

SIZES = {"train-000000": 3, "train-000001": 2, "val-000000": 1, "test-000000": 0}


@pytest.fixture(scope="session")
def _pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_data_set(tmp_path_factory.mktemp("pristine") / "out", SIZES)


@pytest.fixture
def out(_pristine: Path, tmp_path: Path) -> Path:
    """A finished data set of SIZES that the test may damage."""
    return Path(shutil.copytree(_pristine, tmp_path / "out"))


@pytest.fixture
def as_in_production() -> Iterator[None]:
    """Without the tests' shape and type checks: what a user gets told must come from the code itself."""
    before = jaxtyping.config.jaxtyping_disable
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", before)
