"""A depth model in a folder: what it says it is, what goes on after a break, and what is refused in one line."""

from __future__ import annotations

import errno
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import huggingface_hub
import pytest
from huggingface_hub import constants

from pipelines.__main__ import main
from pipelines.errors import UserError
from pipelines.render.config import DepthConfig
from pipelines.render.depth.estimator import check_depth, open_depth
from pipelines.render.depth.model_folder import NOTE_NAME
from pipelines.render.depth.registry import DEFAULT_MODEL, PINNED_REVISIONS
from tests.pipelines.render.depth.small_hub import COMMIT, point_at, put_into_cache, small_hub
from tests.pipelines.render.depth.tiny_checkpoint import save_tiny_checkpoint

Said = pytest.CaptureFixture[str]
Patch = pytest.MonkeyPatch
FILES = {"config.json", "preprocessor_config.json", "model.safetensors", NOTE_NAME}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint with files that transformers does not need."""
    folder = save_tiny_checkpoint(tmp_path_factory.mktemp("models") / "tiny", kind="metric")
    (folder / "pytorch_model.bin").write_bytes(b"pickled")
    return folder


@pytest.fixture(autouse=True)
def hub(model: Path, tmp_path: Path, monkeypatch: Patch) -> Iterator[None]:
    """A hub on this machine with one model, and an empty cache."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub-cache"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    with small_hub({"someone/tiny": model}) as endpoint:
        point_at(monkeypatch, endpoint)
        yield


def fetched(folder: Path, *more: str) -> int:
    return main(["fetch-depth", str(folder), "--model", "someone/tiny", *more])


def unplug(monkeypatch: Patch) -> None:
    point_at(monkeypatch, "http://127.0.0.1:9")


def test_the_folder_is_the_model_of_the_hub_without_the_hub(tmp_path: Path, monkeypatch: Patch, capsys: Said) -> None:
    folder = tmp_path / "new" / "depth"
    assert fetched(folder, "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert {path.name for path in folder.iterdir()} == FILES
    assert (said["model"], said["revision"], said["kind"]) == ("someone/tiny", COMMIT, "metric")
    assert (said["license"], said["is_noncommercial"]) == ("cc-by-nc-4.0", True)
    on_hub = check_depth(DepthConfig("someone/tiny"))[0]
    unplug(monkeypatch)
    folder = shutil.copytree(folder, tmp_path / "on-a-node")
    (origin,) = check_depth(DepthConfig(str(folder)))
    assert (origin.source, origin.revision, origin.license) == (on_hub.source, on_hub.revision, on_hub.license)
    assert open_depth(DepthConfig(str(folder))).checkpoint.folder == folder  # type: ignore[attr-defined]
    assert fetched(folder) == 0  # what is complete needs no network
    assert f"--depth {folder} --out" in capsys.readouterr().out


def test_a_broken_download_is_no_model_and_the_same_command_goes_on(
    tmp_path: Path, monkeypatch: Patch, capsys: Said
) -> None:
    download, seen = huggingface_hub.snapshot_download, []

    def first_file_only(*args: object, **knobs: object) -> str:
        seen.append(knobs["allow_patterns"])
        download(*args, **{**knobs, "allow_patterns": ["config.json"]})  # type: ignore[call-overload]
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(huggingface_hub, "snapshot_download", first_file_only)
        assert fetched(tmp_path / "depth") == 1
    assert f"{tmp_path / 'depth'} has no space left for depth model someone/tiny" in capsys.readouterr().err
    with pytest.raises(UserError, match=r"holds a part of someone/tiny; `refocus-foundry fetch-depth .* goes on"):
        check_depth(DepthConfig(str(tmp_path / "depth")))
    assert fetched(tmp_path / "depth") == 0
    assert {path.name for path in (tmp_path / "depth").iterdir()} == FILES


def test_what_the_cache_holds_is_copied_without_a_network(tmp_path: Path, monkeypatch: Patch, model: Path) -> None:
    put_into_cache(tmp_path / "hub-cache", DEFAULT_MODEL, model, PINNED_REVISIONS[DEFAULT_MODEL])
    unplug(monkeypatch)
    assert main(["fetch-depth", str(tmp_path / "depth")]) == 0
    (origin,) = check_depth(DepthConfig(str(tmp_path / "depth"), offline=True))
    assert (origin.source, origin.license) == (DEFAULT_MODEL, "Apache-2.0")
    assert origin == check_depth(DepthConfig(DEFAULT_MODEL, offline=True))[0]


def test_changed_files_are_refused_until_the_note_is_gone(tmp_path: Path) -> None:
    assert fetched(tmp_path / "depth") == 0
    weights = tmp_path / "depth" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\7")
    with pytest.raises(UserError, match=rf"must hold the files of someone/tiny@{COMMIT} .* remove {NOTE_NAME}"):
        check_depth(DepthConfig(str(tmp_path / "depth")))
    (tmp_path / "depth" / NOTE_NAME).unlink()
    assert check_depth(DepthConfig(str(tmp_path / "depth")))[0].source == "depth"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--model", "someone/tiny"], 1, "http://127.0.0.1:9 did not answer"),
        (["--model", "someone/tiny"], 1, "(a login node), or name a mirror with HF_ENDPOINT"),
        (["--model", "someone/else"], 2, "the hub has no such model or revision, or asks for a login; check the name"),
        (["--model", "someone/tiny", "--revision", "none"], 2, "depth model someone/tiny at none cannot be fetched"),
        (["--model", "some one"], 2, "--model must be auto or an id OWNER/NAME of the hub; got 'some one'"),
        (["--model", "Ruicheng/moge-2-vitl-normal"], 2, "`hf download Ruicheng/moge-2-vitl-normal model.pt"),
        (["--model", "someone/tiny", "--depth-kind", "relative"], 2, "gives metric depth, --depth-kind says relative"),
    ],
)
def test_what_cannot_be_fetched_is_one_line_and_leaves_nothing(
    words: list[str], code: int, said: str, tmp_path: Path, monkeypatch: Patch, capsys: Said
) -> None:
    if code == 1:
        unplug(monkeypatch)
    assert main(["fetch-depth", str(tmp_path / "depth"), *words]) == code
    err = capsys.readouterr().err
    assert said in err
    assert len(err.splitlines()) == 1
    assert not (tmp_path / "depth").exists()


def test_a_folder_with_other_things_is_left_alone(tmp_path: Path, capsys: Said) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "photo.jpg").touch()
    assert fetched(tmp_path / "mine") == 2
    assert "must be empty or hold a model of fetch-depth; it holds other things" in capsys.readouterr().err
    assert fetched(tmp_path / "mine" / "photo.jpg") == 2
    assert fetched(tmp_path / "depth") == 0
    assert main(["fetch-depth", str(tmp_path / "depth")]) == 2
    assert f"holds someone/tiny@{COMMIT}; name another folder for {DEFAULT_MODEL}" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["photo.jpg"]


def test_weights_that_do_not_load_are_said(tmp_path: Path, model: Path, capsys: Said) -> None:
    whole = (model / "model.safetensors").read_bytes()
    try:
        (model / "model.safetensors").write_bytes(whole[: len(whole) // 2])
        assert fetched(tmp_path / "depth") == 2
    finally:
        (model / "model.safetensors").write_bytes(whole)
    assert "transformers cannot load someone/tiny@" in capsys.readouterr().err
    with pytest.raises(UserError, match="holds a part of someone/tiny"):
        check_depth(DepthConfig(str(tmp_path / "depth")))
