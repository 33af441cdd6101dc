"""Photos from, and a data set in, an object store: `memory://` stands for all that fsspec serves."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest
from upath import UPath

from pipelines.__main__ import main
from pipelines.errors import UserError
from pipelines.render.config import GrowthConfig, RenderConfig
from pipelines.render.run import forecast, render
from shards.reader import read_shards
from shards.storage import is_local, storage_path
from shards.validate import validate
from tests.pipelines.test_command_line import flags
from tests.pipelines.tiny_photos import tar_sums

BUCKET = "memory://bucket"


@pytest.fixture
def bucket() -> Iterator[UPath]:
    yield UPath(BUCKET)
    fsspec.filesystem("memory").store.clear()
    fsspec.filesystem("memory").pseudo_dirs[:] = [""]


@pytest.fixture
def remote_photos(bucket: UPath, photo_folder: Path) -> str:
    for file in photo_folder.iterdir():
        (bucket / "photos" / file.name).write_bytes(file.read_bytes())
    (bucket / "photos" / ".hidden.png").write_bytes(b"")
    (bucket / "photos" / "list.csv").write_text("path,license\nphoto_0.png,MIT\nmemory://bucket/photos/photo_1.png,\n")
    return f"{BUCKET}/photos"


def remote(config: RenderConfig, photos: str) -> RenderConfig:
    source = dataclasses.replace(config.source, photos=photos)
    return dataclasses.replace(config, source=source, out=storage_path(f"{BUCKET}/set"))


def test_a_store_holds_the_same_bytes_as_a_folder(finished: RenderConfig, remote_photos: str) -> None:
    config = remote(finished, remote_photos)
    said = forecast(config)
    assert (said.shards, said.free_bytes) == (3, None)
    assert not config.out.exists()
    result = render(config)
    assert (result.exit_code, result.samples) == (0, 5)
    assert tar_sums(config.out) == tar_sums(finished.out)
    for name in ("README.md", "index.json", "manifest.parquet", "croissant.json", "SHA256SUMS", "rejects.jsonl"):
        assert (config.out / name).read_bytes() == (finished.out / name).read_bytes()
    assert validate(config.out).complaints == ()
    assert not (config.out / ".meta" / "run.lock").exists()
    ours, theirs = (list(read_shards(out, seed=None)) for out in (config.out, finished.out))
    assert [sample.record for sample in ours] == [sample.record for sample in theirs]


def test_a_run_into_a_store_resumes_and_its_marker_comes_last(
    tiny_config: RenderConfig, remote_photos: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.pipelines.render.test_run import at_sample, fail

    config = remote(tiny_config, remote_photos)
    memory = type(fsspec.filesystem("memory"))
    put, uploads = memory.put_file, []

    def failing(store: object, here: str, there: str, **knobs: object) -> None:
        uploads.extend([there] * there.endswith(".tar"))
        if len(uploads) == 2 and there.endswith(".tar"):
            raise OSError("connection lost")
        put(store, here, there, **knobs)

    with monkeypatch.context() as patch:
        patch.setattr(memory, "put_file", failing)
        with pytest.raises(UserError, match=r"got connection lost; train-000001 was dropped, finished shards are kept"):
            render(config)
    assert not (config.out / ".meta" / "train-000001.json").exists()
    with monkeypatch.context() as patch:
        at_sample(patch, 1, fail(KeyboardInterrupt()))
        with pytest.raises(KeyboardInterrupt):
            render(config)
    assert render(config).samples == 5
    assert validate(config.out).complaints == ()
    overwrite = dataclasses.replace(config, seed=3, growth=GrowthConfig(overwrite=True))
    assert render(overwrite).samples == 5
    assert validate(config.out).complaints == ()


def test_a_list_in_a_store_names_photos_beside_it_and_elsewhere(tiny_config: RenderConfig, remote_photos: str) -> None:
    assert render(remote(tiny_config, f"{remote_photos}/list.csv")).samples == 2


def test_damage_in_a_store_is_named(tiny_config: RenderConfig, remote_photos: str) -> None:
    config = remote(tiny_config, remote_photos)
    render(config)
    tar = config.out / "shards" / "train-000001.tar"
    content = bytearray(tar.read_bytes())
    content[len(content) // 2] ^= 1
    tar.write_bytes(bytes(content))
    assert {complaint.shard for complaint in validate(config.out).complaints} == {"train-000001"}


def test_verbs_take_a_url(
    tiny_config: RenderConfig, remote_photos: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    command = flags(remote(tiny_config, remote_photos))
    assert main(command) == 0
    assert main(["verify", f"{BUCKET}/set"]) == 0
    assert main(["card", f"{BUCKET}/set"]) == 0
    assert main(["audit", f"{BUCKET}/set"]) in (0, 4)  # five small pictures do not pass every check
    assert storage_path(f"{BUCKET}/set/.meta/audit.json").exists()
    assert main(["preview", f"{BUCKET}/set"]) == 0
    assert storage_path(f"{BUCKET}/set/preview/index.html").read_bytes().startswith(b"<!doctype html>")
    assert main(["preview", f"{BUCKET}/set", "--gif", "00000000"]) == 2
    assert "must be a folder of this machine for --linked, --sheets and --gif" in capsys.readouterr().err
    assert main(["verify", f"{BUCKET}/nothing"]) == 2
    assert "does not exist" in capsys.readouterr().err


def test_two_runs_into_one_store_exclude_each_other(tiny_config: RenderConfig, remote_photos: str) -> None:
    config = remote(tiny_config, remote_photos)
    lock = '{"pid": 1, "host": "elsewhere", "process_started": "1", "locked": "now"}'
    (config.out / ".meta" / "run.lock").write_text(lock)
    with pytest.raises(UserError, match="is in use by process 1 on elsewhere"):
        render(config)


def test_schemes() -> None:
    assert storage_path("a/b") == Path("a/b")
    assert storage_path("file:///a/b") == Path("/a/b")
    assert is_local(storage_path("builtin:3"))
    assert not is_local(storage_path("memory://a"))
    with pytest.raises(ValueError, match="nosuchscheme://x must be a local path or a URL that fsspec serves"):
        storage_path("nosuchscheme://x")


@pytest.mark.parametrize(("url", "library", "extra"), [("s3://b/a", "s3fs", "s3"), ("gs://b/a", "gcsfs", "gs")])
def test_a_store_without_its_library_names_the_extra(
    url: str, library: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    imported = sys.modules["fsspec.registry"]._registry  # `fsspec.registry` is a view of it
    monkeypatch.delitem(imported, extra, raising=False)
    with pytest.raises(ValueError, match=rf"{url} needs a library .*; pip install 'refocus-foundry\[{extra}\]'"):
        storage_path(url)


def test_a_store_without_its_library_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["render", "--photos", "nosuchscheme://x", "--out", str(tmp_path / "out")]) == 2
    assert "nosuchscheme://x must be a local path or a URL that fsspec serves here" in capsys.readouterr().err
