"""Where models are found, what is said when they are not, and how fast."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import constants

from pipelines.errors import UserError
from pipelines.render.depth.checkpoint import DepthCheckpoint, check_checkpoint, fetch_checkpoint
from pipelines.render.depth.networks import TransformersDepth
from pipelines.render.depth.registry import DEFAULT_MODEL, PINNED_REVISIONS
from tests.pipelines.render.depth.small_hub import COMMIT, point_at, put_into_cache, small_hub

OTHER_COMMIT = "f" * 40


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and a hub that refuses connections at once: no test reaches beyond this machine."""
    folder = tmp_path / "hub-cache"
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(folder))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    point_at(monkeypatch, "http://127.0.0.1:9")
    return folder


@pytest.fixture
def hub(relative_checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A hub with one good model and one whose weights are pickled."""
    pickled = tmp_path / "pickled"
    shutil.copytree(relative_checkpoint, pickled, ignore=shutil.ignore_patterns("*.safetensors"))
    (pickled / "pytorch_model.bin").write_bytes(b"")
    with small_hub({"someone/tiny": relative_checkpoint, "someone/pickled": pickled}) as endpoint:
        point_at(monkeypatch, endpoint)
        yield


def check(model: str | Path, revision: str | None = None, network: bool = True) -> DepthCheckpoint:
    return check_checkpoint(str(model), kind=None, revision=revision, allow_network=network)


def test_a_local_folder_is_found_first_and_known_by_its_content(
    relative_checkpoint: Path, metric_checkpoint: Path, tmp_path: Path
) -> None:
    found = check(relative_checkpoint)
    assert (found.model, found.kind, found.folder) == ("tiny-relative", "relative", relative_checkpoint)
    assert found.revision.startswith("sha256:")
    moved = shutil.copytree(relative_checkpoint, tmp_path / "elsewhere")
    assert check(moved).revision == found.revision
    weights = bytearray((moved / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (moved / "model.safetensors").write_bytes(weights)
    assert check(moved).revision != found.revision
    assert check(metric_checkpoint).kind == "metric"


def test_the_cache_is_found_without_a_network_and_its_commit_recorded(cache: Path, relative_checkpoint: Path) -> None:
    snapshot = put_into_cache(cache, "someone/tiny", relative_checkpoint, COMMIT)
    for network in (True, False):
        found = check("someone/tiny", network=network)
        assert (found.model, found.revision, found.folder) == ("someone/tiny", COMMIT, snapshot)
    assert fetch_checkpoint("someone/tiny", kind=None, revision=COMMIT, allow_network=False) == found
    with pytest.raises(UserError, match=OTHER_COMMIT):
        check("someone/tiny", revision=OTHER_COMMIT)


def test_the_default_model_is_looked_for_at_its_pinned_commit(cache: Path, relative_checkpoint: Path) -> None:
    put_into_cache(cache, DEFAULT_MODEL, relative_checkpoint, OTHER_COMMIT)
    with pytest.raises(UserError, match=PINNED_REVISIONS[DEFAULT_MODEL]):
        check(DEFAULT_MODEL)
    put_into_cache(cache, DEFAULT_MODEL, relative_checkpoint, PINNED_REVISIONS[DEFAULT_MODEL], ref=None)
    found = check(DEFAULT_MODEL)
    assert found.revision == PINNED_REVISIONS[DEFAULT_MODEL]
    assert (found.license, found.is_noncommercial) == ("Apache-2.0", False)


def test_weights_for_research_only_are_known(cache: Path, relative_checkpoint: Path) -> None:
    model = "depth-anything/Depth-Anything-V2-Large-hf"
    put_into_cache(cache, model, relative_checkpoint, COMMIT)
    assert check(model).license == "CC-BY-NC-4.0"
    assert check(model).is_noncommercial


@pytest.mark.parametrize("network", [True, False])
def test_a_missing_model_is_said_at_once_with_the_way_out(cache: Path, network: bool) -> None:
    start = time.perf_counter()
    for ask in (check_checkpoint, fetch_checkpoint):
        with pytest.raises(UserError) as caught:
            ask("someone/tiny", kind=None, revision=None, allow_network=network)
        message = caught.value.message
        for part in (
            "someone/tiny",
            str(cache),
            "refocus-foundry fetch-depth DIR --model someone/tiny`",
            "--depth sidecar",
            "--photos builtin:8",
            "http://127.0.0.1:9 did not answer" if network else "--offline",
        ):
            assert part in message
        assert "\n" not in message
    assert time.perf_counter() - start < 5  # left to itself the loader retries for 94 s


def test_an_interrupted_download_is_not_taken_for_a_model(cache: Path, relative_checkpoint: Path) -> None:
    snapshot = put_into_cache(cache, "someone/tiny", relative_checkpoint, COMMIT)
    (snapshot / "model.safetensors").unlink()
    with pytest.raises(UserError, match="not in the cache"):
        check("someone/tiny", network=False)


def test_sharded_weights_must_all_be_there(relative_checkpoint: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(relative_checkpoint, tmp_path / "sharded")
    (folder / "model.safetensors").rename(folder / "model-1.safetensors")
    index = {"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(UserError, match=r"missing model-2\.safetensors"):
        check(folder)
    shutil.copy(folder / "model-1.safetensors", folder / "model-2.safetensors")
    assert check(folder).folder == folder


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("config.json", r"missing config\.json"),
        ("preprocessor_config.json", r"missing preprocessor_config\.json"),
        ("model.safetensors", r"missing model\.safetensors \(pickled weights are not read\)"),
    ],
)
def test_a_folder_that_lacks_a_file_says_which(
    relative_checkpoint: Path, tmp_path: Path, name: str, message: str
) -> None:
    folder = shutil.copytree(relative_checkpoint, tmp_path / "model")
    (folder / name).unlink()
    with pytest.raises(UserError, match=message):
        check(folder)


def test_a_broken_config_is_said(relative_checkpoint: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(relative_checkpoint, tmp_path / "model")
    (folder / "config.json").write_text("{")
    with pytest.raises(UserError, match=r"config\.json is not JSON"):
        check(folder)


def test_a_folder_has_no_revision(relative_checkpoint: Path) -> None:
    with pytest.raises(UserError, match="--depth-revision main needs a hub id"):
        check(relative_checkpoint, revision="main")


@pytest.mark.parametrize("spec", ["./not/there", "/not/there", "a/b/c", "some model"])
def test_a_path_that_is_not_there_is_not_asked_of_the_hub(spec: str) -> None:
    with pytest.raises(UserError, match=r"must be a folder that exists or a hub id"):
        check(spec)


@pytest.mark.usefixtures("hub")
def test_a_model_on_the_hub_is_checked_without_its_weights_then_fetched_and_loaded(cache: Path) -> None:
    found = check("someone/tiny")
    assert (found.revision, found.kind, found.folder) == (COMMIT, "relative", None)
    assert found.is_noncommercial  # by the model's card on the hub
    assert not list(cache.rglob("*.safetensors"))
    fetched = fetch_checkpoint("someone/tiny", kind=None, revision=None, allow_network=True)
    assert fetched.folder is not None
    assert fetched.revision == COMMIT
    assert TransformersDepth(fetched, device="cpu").checkpoint == fetched
    assert check("someone/tiny", network=False) == fetched


@pytest.mark.usefixtures("hub")
def test_what_the_hub_does_not_have_is_said() -> None:
    with pytest.raises(UserError, match="the hub has no such model or revision"):
        check("someone/else")
    with pytest.raises(UserError, match="the hub has no such model or revision"):
        check("someone/tiny", revision="no-such-branch")
    with pytest.raises(UserError, match=r"without model\.safetensors \(pickled weights"):
        check("someone/pickled")


@pytest.mark.usefixtures("hub")
def test_the_hub_is_not_asked_when_it_is_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(UserError, match="the network is switched off"):
        check("someone/tiny")
