"""What others read it with: Hugging Face `datasets`, plain `webdataset`, `sha256sum`, and tarfile with OpenCV alone."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest
import webdataset

from shards.card import write_card
from shards.reader import read_shards

README = Path(__file__).parents[2] / "docs" / "reading.md"


def test_hugging_face_datasets_finds_splits_and_fields(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    datasets = pytest.importorskip("datasets", reason="pip install -e '.[dev]' brings it")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    write_card(out)
    found = datasets.load_dataset(str(out), streaming=True)
    assert set(found) == {"train", "val"}
    ours = list(read_shards(out, split="train", seed=None))
    theirs = list(found["train"])
    assert [row["__key__"] for row in theirs] == [sample.key for sample in ours]
    for row, sample in zip(theirs, ours, strict=True):
        assert row["json"]["blur_scale_px"] == [frame.blur_scale_px for frame in sample.record.frames]
        assert row["aif.jpg"].size == (sample.record.width, sample.record.height)
        np.testing.assert_array_equal(np.asarray(row["disparity.png"]), sample.disparity)
        np.testing.assert_array_equal(np.asarray(row["valid.png"]), sample.valid)


def test_hugging_face_datasets_reads_bare_tars(out: Path) -> None:
    datasets = pytest.importorskip("datasets", reason="pip install -e '.[dev]' brings it")
    tars = sorted(str(tar) for tar in (out / "shards").glob("train-*.tar"))
    rows = list(datasets.load_dataset("webdataset", data_files={"train": tars}, split="train", streaming=True))
    assert len(rows) == 5
    assert {"aif.jpg", "disparity.png", "frame_00.jpg", "json"} <= set(rows[0])


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # webdataset leaves it to the collector
def test_plain_webdataset_decodes_all_but_16_bits(out: Path) -> None:
    tar = str(out / "shards" / "train-000000.tar")
    jpeg = webdataset.autodecode.imagehandler("rgb8", extensions=["jpg"])
    reader = webdataset.WebDataset(tar, shardshuffle=False, empty_check=False)
    rows = list(reader.decode(jpeg, only=["aif.jpg", "json"]))
    assert [row["__key__"] for row in rows] == [s.key for s in read_shards(out, split="train", seed=None)][: len(rows)]
    assert rows[0]["aif.jpg"].dtype == np.uint8
    assert isinstance(rows[0]["json"]["blur_level"][0], float)
    png = np.frombuffer(rows[0]["disparity.png"], np.uint8)
    assert cv2.imdecode(png, cv2.IMREAD_UNCHANGED).dtype == np.uint16


def test_sha256sum_agrees(out: Path) -> None:
    done = subprocess.run(["sha256sum", "-c", "--quiet", "SHA256SUMS"], cwd=out, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_reader_in_the_docs_reads_what_ours_does(out: Path) -> None:
    """The function of docs/reading.md as it stands there: tarfile, json, numpy and OpenCV alone."""
    (block,) = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    code = block[: block.index("\n\n\nfor ")]  # what follows uses it: tests/documentation
    assert len(code.splitlines()) <= 23
    assert set(re.findall(r"^(?:import|from) (\w+)", code, re.MULTILINE)) <= {
        "json",
        "tarfile",
        "cv2",
        "numpy",
        "pathlib",
    }
    namespace: dict[str, object] = {}
    exec(code, namespace)
    read = namespace["read_samples"]
    assert callable(read)
    theirs = [sample for tar in sorted((out / "shards").glob("train-*.tar")) for sample in read(tar)]
    ours = list(read_shards(out, split="train", seed=None))
    assert [sample["key"] for sample in theirs] == [sample.key for sample in ours]
    for sample, mine in zip(theirs, ours, strict=True):
        np.testing.assert_array_equal(sample["photo"], mine.aif)
        np.testing.assert_array_equal(sample["frames"], mine.frames)
        np.testing.assert_array_equal(sample["valid"], mine.valid)
        record = mine.record.disparity
        np.testing.assert_array_equal(sample["disparity"], record.offset + record.scale * mine.disparity.astype(float))
        assert sample["labels"]["focus_disparity"] == [frame.focus_disparity for frame in mine.record.frames]
