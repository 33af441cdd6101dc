"""Lists as spreadsheets and other tools write them: which rows come out, and which are refused with which words."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest
from upath import UPath

from pipelines.errors import UserError
from pipelines.render.photos.content import read_photo
from pipelines.render.photos.finding import find_photos
from pipelines.render.photos.listing import ListedPhoto, list_photos
from shards import object_store


def listed(path: Path, content: str | bytes, encoding: str = "utf-8") -> list[ListedPhoto]:
    path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return list(list_photos(str(path), seed=0))


def labels(photos: list[ListedPhoto]) -> list[tuple[str, str]]:
    return [(photo.name, photo.license) for photo in photos if not photo.problem]


BOTH = [("a.jpg", "MIT"), ("b, c.jpg", "CC0-1.0")]


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        ('path,license\na.jpg,MIT\n"b, c.jpg",CC0-1.0\n', "utf-8"),
        ('path,license\r\na.jpg,MIT\r\n"b, c.jpg",CC0-1.0\r\n', "utf-8-sig"),
        ("path;license\na.jpg;MIT\nb, c.jpg;CC0-1.0\n", "utf-8"),
        ("path\tlicense\na.jpg\tMIT\nb, c.jpg\tCC0-1.0\n", "utf-8"),
        ("license\tpath\r\nMIT\ta.jpg\r\nCC0-1.0\tb, c.jpg\r\n", "utf-16"),  # "Unicode text" of a spreadsheet
        ('Path , LICENSE\na.jpg, MIT\n"b, c.jpg", CC0-1.0\n', "utf-8"),
        ('path, license, note\na.jpg, "MIT",\n"b, c.jpg", "CC0-1.0"\n', "utf-8"),
        ('\n\npath,license\n\na.jpg,MIT\n,\n"b, c.jpg",CC0-1.0\n\n', "utf-8"),
        ('"path";"a, b, c";"license"\na.jpg;1;MIT\nb, c.jpg;2;CC0-1.0\n', "utf-8"),
    ],
)
def test_tables_of_every_kind_give_the_same_rows(tmp_path: Path, content: str, encoding: str) -> None:
    assert labels(listed(tmp_path / "list.csv", content, encoding)) == BOTH


def test_a_tsv_a_json_lines_file_and_a_parquet_file_are_lists(tmp_path: Path) -> None:
    rows = [{"Path": name, "license": license, "embedding": [1, 2], "group": None} for name, license in BOTH]
    table = pyarrow.Table.from_pylist(rows)
    pyarrow.parquet.write_table(table, tmp_path / "rows.parquet")
    lines = "".join(json.dumps(row) + "\n\n" for row in rows)
    assert labels(listed(tmp_path / "list.tsv", "path\tlicense\na.jpg\tMIT\nb, c.jpg\tCC0-1.0")) == BOTH
    assert labels(listed(tmp_path / "list.jsonl", "\ufeff" + lines)) == BOTH
    assert labels(listed(tmp_path / "list.parquet", (tmp_path / "rows.parquet").read_bytes())) == BOTH
    object_store = UPath("memory://lists/list.PARQUET")
    object_store.write_bytes((tmp_path / "rows.parquet").read_bytes())
    photos = list(list_photos(str(object_store), seed=0))
    assert [(photo.location, photo.name) for photo in photos] == [
        ("memory://lists/a.jpg", "a.jpg"),
        ("memory://lists/b, c.jpg", "b, c.jpg"),
    ]


def test_a_group_comes_along(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"a")
    listed(tmp_path / "list.csv", "path,Group\na.jpg, walk \n")
    assert find_photos(str(tmp_path / "list.csv"), limit=None, seed=0).sources[0].group == "walk"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("list.csv", "path,license\nok.jpg,\nb, comma.jpg,MIT\n", "list.csv line 3: it has 3 fields, the header 2"),
        ("list.csv", "path,license\nok.jpg,\n,MIT\n", "list.csv line 3: `path` is empty"),
        ("list.jsonl", '{"path": "ok.jpg"}\n{"path": ["a.jpg"]}\n', "list.jsonl line 2: `path` must be text"),
        ("list.jsonl", '{"path": "ok.jpg"}\n{"path": true}\n', "list.jsonl line 2: `path` must be text"),
        ("list.jsonl", '{"path": "ok.jpg"}\n"a.jpg"\n', "list.jsonl line 2: it must be a JSON object"),
        ("list.jsonl", '{"path": "ok.jpg"}\n{"path": \n', "list.jsonl line 2: it must be JSON"),
        ("list.jsonl", '{"path": "ok.jpg"}\n' + "[" * 100_000 + "\n", "list.jsonl line 2: it must be JSON"),
        ("list.csv", "path\nok.jpg\ngopher://host/x.jpg\n", "gopher://host/x.jpg must be a local path or a URL"),
        ("list.csv", "path\nok.jpg\ngone.jpg\n", "the file does not exist"),
    ],
)
def test_a_bad_row_costs_itself(tmp_path: Path, name: str, content: str, message: str) -> None:
    (tmp_path / "ok.jpg").write_bytes(b"ok")
    (tmp_path / name).write_text(content)
    photos, rejected = find_photos(str(tmp_path / name), limit=None, seed=0)
    assert [photo.name for photo in photos] == ["ok.jpg"]
    (said,) = (f"{reject.name}: {reject.message}" for reject in rejected)
    assert message in said
    assert "\n" not in said


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("list.csv", b"path,Path\na.jpg,b.jpg\n", "each column once, has two called `path`"),
        ("list.csv", b"filepath,license\na.jpg,MIT\n", "must have a column `path`.*; rename `filepath`"),
        ("list.csv", b'path\n"a.jpg\n', r"must be a CSV in UTF-8 \(line 2: "),
        ("list.csv", b'path\n"a" x.jpg\n', r"must be a CSV in UTF-8 \(line 2: "),
        ("list.jsonl", b"\xff\xfe\xff", "must be a JSON Lines file in UTF-8"),
        ("list.jsonl", b'{"file": "a.jpg"}\n', "must have a column `path`, its columns are \\['file'\\]"),
        ("list.jsonl", b"\n\n", "must have a column `path`"),
        ("list.parquet", b"PAR1", "must be a Parquet file"),
        ("list.parquet", b"path\na.jpg\n", "must be a Parquet file"),
        ("list.txt", b"a.jpg\n", "neither a folder nor a list; give a folder, a list .*parquet"),
    ],
)
def test_a_list_that_cannot_be_used_is_one_line(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        listed(tmp_path / name, content)
    assert "\n" not in caught.value.message


def test_columns_that_nearly_match_are_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    listed(tmp_path / "list.csv", "path,Licenses,authors,source url,rating,path2\na.jpg,MIT,Ada,http://x,5,\n")
    said = [record.message.partition("column ")[2] for record in caplog.records]
    assert said == [
        "`licenses` is not read; did you mean `license`?",
        "`authors` is not read; did you mean `author`?",
        "`source url` is not read; did you mean `source_url`?",
    ]


def test_a_url_whose_package_is_missing_is_one_line_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"gs://bucket/a.jpg needs .*; pip install 'refocus-foundry\[gs\]'$"):
        listed(tmp_path / "list.csv", "path\ngs://bucket/a.jpg\n")


def test_photos_elsewhere_are_called_by_their_path_below_their_common_folder(tmp_path: Path) -> None:
    data = tmp_path / "data"
    rows = [f"{data}/scene1/0001.jpg", "../data/scene2/0001.jpg", "here/0001.jpg", f"file://{data}/scene3/x/0001.jpg"]
    (tmp_path / "lists").mkdir()
    photos = listed(tmp_path / "lists" / "list.csv", "\n".join(["path", *rows]))
    names = ["scene1/0001.jpg", "scene2/0001.jpg", "here/0001.jpg", "scene3/x/0001.jpg"]
    assert [photo.name for photo in photos] == names
    assert [photo.location for photo in photos] == [
        str(tmp_path / ("lists" if name.startswith("here") else "data") / name) for name in names
    ]


def test_names_tell_nothing_of_the_folders_above(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    content = "path\n/home/ada/secret/1.jpg\n/home/eve/1.jpg\n"
    assert [photo.name for photo in listed(tmp_path / "list.csv", content)] == ["1.jpg", "1.jpg"]
    assert [photo.name for photo in listed(tmp_path / "list.csv", "path\n/a/1.jpg\n/b/1.jpg\n")] == ["1.jpg", "1.jpg"]
    urls = "path\nmemory://one/s/1.jpg\nmemory://one/t/1.jpg\nmemory://two/s/1.jpg\n"
    assert [photo.name for photo in listed(tmp_path / "list.csv", urls)] == ["s/1.jpg", "t/1.jpg", "1.jpg"]


def test_focus_points_of_a_row_belong_to_its_photo(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"a")
    (tmp_path / "list.csv").write_text('path,Focus_Points\na.jpg,"0.2,0.3;0.5,0.5"\n')
    [source] = find_photos(str(tmp_path / "list.csv"), limit=None, seed=0).sources
    assert source.focus_points == "0.2,0.3;0.5,0.5"


def test_a_photo_is_opened_once_to_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On an object store each opening is a request or two."""
    store = UPath("memory://photos/a.jpg")
    store.write_bytes(b"the photo")
    [source] = find_photos("memory://photos", limit=None, seed=0).sources
    asked: list[str] = []
    for request in ("object_bytes", "read_ranges"):
        plain = getattr(object_store, request)
        counted = lambda *arguments, name=request, plain=plain: asked.append(name) or plain(*arguments)  # noqa: E731
        monkeypatch.setattr(object_store, request, counted)
    assert read_photo(source.location) == b"the photo"
    assert asked == ["read_ranges"]
