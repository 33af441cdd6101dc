"""Triton decides at its first import whether it interprets: `make test-kernels` asks it to."""

from __future__ import annotations

import os

import pytest


@pytest.fixture(autouse=True)
def interpreted() -> None:
    assert os.environ.get("TRITON_INTERPRET") == "1", "run these by `make test-kernels`, or with TRITON_INTERPRET=1"
