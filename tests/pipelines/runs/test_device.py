from __future__ import annotations

import pytest
import torch

from pipelines.errors import UserError
from pipelines.runs.device import resolve_device


def test_the_gpus_of_a_cluster_are_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert resolve_device("cuda", is_elsewhere=True) == "cuda"
    assert resolve_device("auto", is_elsewhere=True) == "cpu"
    with pytest.raises(UserError, match="--device cuda: torch sees no GPU here"):
        resolve_device("cuda")
