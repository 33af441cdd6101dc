"""Sets that were unpacked and packed again by `tar`, and what macOS leaves: read, or refused with the reason."""

from __future__ import annotations

import gzip
import io
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from shards import validate
from shards.reader import read_shards
from tests.shards.synthetic import write_data_set


def pack(tar: Path, names: list[str], contents: dict[str, bytes], form: int = tarfile.GNU_FORMAT) -> None:
    """A tar as GNU tar writes it: names that end in a slash are entries of folders."""
    with tarfile.open(tar, "w", format=form) as packed:
        for name in names:
            info = tarfile.TarInfo(name.rstrip("/"))
            content = contents.get(name.rpartition("/")[2], b"resource fork")
            info.type, info.size = (tarfile.DIRTYPE, 0) if name.endswith("/") else (tarfile.REGTYPE, len(content))
            packed.addfile(info, io.BytesIO(content))


@pytest.fixture(scope="module")
def contents(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Name and content of each field of two samples."""
    out = write_data_set(tmp_path_factory.mktemp("set") / "out", {"train-000000": 2})
    with tarfile.open(out / "shards" / "train-000000.tar") as tar:
        return {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]


READ: dict[str, Callable[[list[str]], list[str]]] = {
    "by name": sorted,
    "with ./ and its folder": lambda names: ["./", *(f"./{name}" for name in sorted(names))],
    "in a folder": lambda names: ["images/", *(f"images/{name}" for name in sorted(names))],
    "with forks of macOS": lambda names: [each for name in sorted(names) for each in (f"._{name}", name)],
}


@pytest.mark.parametrize("how", READ)
def test_a_set_packed_again_is_read(how: str, contents: dict[str, bytes], tmp_path: Path) -> None:
    pack(tmp_path / "train-000000.tar", READ[how](list(contents)), contents)
    assert [sample.key for sample in read_shards(tmp_path, seed=None)] == ["00000000", "00000001"]


def test_a_set_whose_samples_are_torn_apart_is_refused(contents: dict[str, bytes], tmp_path: Path) -> None:
    by_field = sorted(contents, key=lambda name: name.partition(".")[2])
    pack(tmp_path / "train-000000.tar", by_field, contents)
    with pytest.raises(ValueError, match=r"members of sample 00000000 must stand together: .*tar --sort=name"):
        read_shards(tmp_path)


def test_a_compressed_set_is_refused_with_the_way_out(contents: dict[str, bytes], tmp_path: Path) -> None:
    pack(tmp_path / "x", sorted(contents), contents)
    packed = tmp_path / "train-000000.tar.gz"
    packed.write_bytes(gzip.compress((tmp_path / "x").read_bytes()))
    for place in (tmp_path, packed):
        with pytest.raises(ValueError, match="gunzip it first"):
            read_shards(place)


def test_extended_headers_are_refused_with_the_way_out(contents: dict[str, bytes], tmp_path: Path) -> None:
    name = "00000000.aif.jpg"
    pack(tmp_path / "a.tar", ["ü" + name], {"ü" + name: contents[name]}, tarfile.PAX_FORMAT)
    with pytest.raises(ValueError, match="pack it by `tar --format=ustar"):
        read_shards(tmp_path)


def test_hidden_files_beside_shards_are_nothing(tmp_path: Path) -> None:
    """macOS leaves `._NAME` beside every file on foreign file systems."""
    out = write_data_set(tmp_path / "out", {"train-000000": 1, "val-000000": 1})
    for path in [*out.rglob("*.*")]:
        if path.is_file():
            path.with_name(f"._{path.name}").write_bytes(b"\0\5\x16\7" + bytes(200))
    assert validate(out).ok
    assert len(list(read_shards(out))) == 2
    assert len(list(read_shards(out / "shards"))) == 2
    shutil.copy(out / "shards" / "train-000000.tar", out / "shards" / "train-000000 (1).tar")
    assert not validate(out).ok  # `datasets` would read it as more samples
    with pytest.raises(ValueError, match=r"train-000000 \(1\)"):
        read_shards(out)
