from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from pipelines.command_line import run_command
from pipelines.errors import UserError
from pipelines.export.pairs_folder import PairsFolder
from pipelines.runs.interruption import Interrupted
from shards import encode
from tests.pipelines.export.conftest import Export, tree
from tests.shards.synthetic import make_sample


def interrupt_at_second_shard(monkeypatch: pytest.MonkeyPatch) -> None:
    write_shard = PairsFolder.write_shard

    def interrupted(self, name, samples, files):
        rows = write_shard(self, name, samples, files)
        if name == "train-000001":
            raise Interrupted(signal.SIGINT)
        return rows

    monkeypatch.setattr(PairsFolder, "write_shard", interrupted)


def test_an_interrupted_export_resumes_to_the_same_bytes(run: Export, tmp_path: Path, monkeypatch) -> None:
    run(tmp_path / "whole", control="defocus")
    with monkeypatch.context() as patched:
        interrupt_at_second_shard(patched)
        with pytest.raises(Interrupted):
            run(tmp_path / "twice", control="defocus")
    assert not (tmp_path / "twice/metadata.jsonl").exists()
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "twice/target").glob("0000000[0-2]-*")}
    result = run(tmp_path / "twice", control="defocus")
    assert tree(tmp_path / "twice") == tree(tmp_path / "whole")
    assert {path: path.stat().st_mtime_ns for path in before} == before  # the finished shard was not written again
    assert (result.samples, result.files) == (5, 5 * 4 * 4)


def test_a_lost_or_cut_file_is_written_again(run: Export, tmp_path: Path) -> None:
    to = tmp_path / "pairs"
    run(to)
    whole = tree(to)
    picture = next((to / "target").glob("*.jpg"))
    for spoil in (picture.unlink, lambda: picture.write_bytes(b"cut")):
        spoil()
        run(to)
        assert tree(to) == whole


@pytest.mark.parametrize("name", ["parquet", "bokehdepth", "frames"])
def test_same_bytes_whenever_run(run: Export, tmp_path: Path, name) -> None:
    run(tmp_path / "a", format=name)
    run(tmp_path / "b", format=name)
    assert tree(tmp_path / "a") == tree(tmp_path / "b")


def test_captions_follow_the_sentence(run: Export, tmp_path: Path) -> None:
    """Photos are called `Fotos/Größe N.jpg`: a text lies there, or beside the folder."""
    texts = tmp_path / "texts"
    (texts / "Fotos").mkdir(parents=True)
    (texts / "Fotos/Größe 0.txt").write_text("\ufeffA lake\nat dawn.", "utf-8")
    (texts / "Größe 4.txt").write_text("Two dogs.", "utf-8")
    result = run(tmp_path / "pairs", captions=texts)
    assert result.captioned == 2
    captions = {path.name[:8]: path.read_text() for path in (tmp_path / "pairs/target").glob("*.txt")}
    assert captions["00000000"].endswith("%. A lake at dawn.")
    assert captions["00000004"].endswith(". Two dogs.")
    assert captions["00000001"].endswith((" %.", ").", "photo.", "sharp."))
    (texts / "Größe 4.txt").write_text("Three dogs.", "utf-8")
    with pytest.raises(UserError, match=r"captions was .*, now .*choose another --to"):
        run(tmp_path / "pairs", captions=texts)
    (texts / "Größe 4.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(UserError, match=r"Größe 4.txt must be a text in UTF-8; got"):
        run(tmp_path / "again", captions=texts)
    with pytest.raises(UserError, match="--captions must be a folder with texts"):
        run(tmp_path / "again", captions=tmp_path / "none")


def test_a_folder_of_other_files_is_refused_and_kept(run: Export, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.txt").write_text("years of work")
    with pytest.raises(UserError, match="holds other things than an export; name a new or an empty folder"):
        run(other)
    assert tree(other) == {"thesis.txt": b"years of work"}
    with pytest.raises(UserError, match="must be a folder; got a file"):
        run(other / "thesis.txt")


def test_another_command_does_not_mix_into_an_export(out: Path, run: Export, tmp_path: Path) -> None:
    run(tmp_path / "pairs")
    with pytest.raises(UserError, match="seed was 0, now 1; give the old ones to resume it, or choose another --to"):
        run(tmp_path / "pairs", seed=1)
    assert run(tmp_path / "pairs", json=True).samples == 5  # decides no bytes


def test_a_damaged_sample_is_named_and_nothing_is_left_out(out: Path, run: Export, tmp_path: Path) -> None:
    tar, data = out / "shards/train-000001.tar", encode(make_sample(4))["frame_02.jpg"]
    content = bytearray(tar.read_bytes())
    content[content.index(data) + 300] ^= 1
    tar.write_bytes(content)
    with pytest.raises(UserError, match=r"sample 00000004 of .* is damaged: .*crc32.*; see `refocus-foundry verify`"):
        run(tmp_path / "frames", format="frames")
    assert not (tmp_path / "frames/metadata.jsonl").exists()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--per-scene", "0"], "--per-scene must be at least 1; got 0"),
        (["--format", "frames", "--control", "defocus"], "--control must be none but for --format pairs and parquet"),
        (["--format", "fossa", "--focus-distances-m", "0.8", "0.82"], "--focus-distances-m must be meters"),
        (["--split", "test"], "must hold samples of split test, got none; choose another --split"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(out: Path, tmp_path: Path, capsys, flags, message) -> None:
    assert run_command(["export", str(out), "--to", str(tmp_path / "to"), *flags]) == 2
    error = capsys.readouterr().err.strip()
    assert message in error
    assert "\n" not in error


def test_the_command_prints_one_object(out: Path, tmp_path: Path, capsys) -> None:
    assert run_command(["export", str(out), "--to", str(tmp_path / "to"), "--split", "val", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["samples"], result["files"], result["format"]) == (1, 12, "pairs")
