"""`refocus` as a user sees it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, TiffImagePlugin

from pipelines.__main__ import main
from pipelines.refocus.config import RefocusConfig
from pipelines.refocus.photo_file import read_photo, write_photo
from tests.pipelines.render.photos import portrait_photos as portrait

Said = pytest.CaptureFixture[str]


def refocus(photo: Path, run: Path, *more: str) -> int:
    return main(["refocus", str(photo), "--checkpoint", str(run), "--blur-level", "8", "--steps", "1", *more])


def test_a_photo_is_refocused_upright_with_its_exif(photo: Path, run: Path, capsys: Said) -> None:
    assert refocus(photo, run, "--focus", "0.4,0.6", "--depth", "sidecar", "--json") == 0
    said = json.loads(capsys.readouterr().out)
    out = photo.with_name("scene-refocused.jpg")
    assert said["files"] == [str(out)]
    assert (said["width"], said["height"], said["depth"]) == (192, 128, "sidecar")
    assert 0 <= said["focus_disparity"] <= 1
    with Image.open(out) as made, Image.open(photo) as original:
        assert made.size == (192, 128)  # upright: the file lies on its side
        assert original.size == (128, 192)
        exif = made.getexif()
        assert exif[0x010F] == "Maker"
        assert exif.get(0x0112, 1) == 1
        assert float(exif.get_ifd(0x8769)[0x829D]) == pytest.approx(2.8)
        upright = original.transpose(Image.Transpose.ROTATE_270).convert("RGB")
        assert np.abs(np.asarray(made, int) - np.asarray(upright, int)).mean() < 20


def test_a_sharpening_run_says_what_the_photo_itself_is(photo: Path, sharpening_run: Path, capsys: Said) -> None:
    assert refocus(photo, sharpening_run, "--photo-focus", "0.5,0.5", "--photo-blur-level", "1.5", "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert said["photo_lens"] == "given"
    assert said["photo_focus_disparity"] == said["focus_disparity"]
    assert said["photo_blur_level"] == pytest.approx(1.5)
    assert refocus(photo, sharpening_run, "--photo-focus", "none", "--focus-sweep", "2") == 0
    assert "the photo itself: sharp everywhere (given)" in capsys.readouterr().out


def test_a_portrait_photo_brings_its_depth(run: Path, tmp_path: Path, capsys: Said) -> None:
    stored = np.broadcast_to(np.arange(128, dtype=np.uint8) * 2, (96, 128)).copy()
    (tmp_path / "a.jpg").write_bytes(portrait.gdepth(stored, {"Format": "RangeInverse", "Near": 1, "Far": 5}))
    assert refocus(tmp_path / "a.jpg", run, "--focus", "0.4,0.6", "--depth", "auto", "--json", "--offline") == 0
    assert json.loads(capsys.readouterr().out)["depth"] == "GDepth"


def test_without_depth_and_as_png(photo: Path, run: Path, tmp_path: Path, capsys: Said) -> None:
    out = tmp_path / "new folder" / "made.png"
    assert refocus(photo, run, "--depth", "none", "--out", str(out)) == 0
    assert "depth: none" in capsys.readouterr().out
    with Image.open(out) as made:
        assert made.format == "PNG"
        assert made.size == (192, 128)


def test_a_sweep(photo: Path, run: Path, capsys: Said) -> None:
    assert refocus(photo, run, "--focus-sweep", "3", "--resolution", "trained") == 0
    assert "contact_sheet.png and 4 more" in capsys.readouterr().out
    assert {path.name for path in photo.with_name("scene-sweep").iterdir()} == {
        *(f"frame_00{number}.png" for number in range(3)), "pull.webp", "contact_sheet.png",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--focus", "1.2,0.5"], "--focus must lie in [0, 1] x [0, 1] (0,0 is top left); got 1.2,0.5"),
        (["--focus", "left"], "--focus must be X,Y, such as 0.4,0.6; got 'left'"),
        (["--focus", "nan,0.5"], "--focus must lie in"),
        (["--blur-level", "-1"], "--blur-level must lie between 0.01 and 100; got -1.0"),
        (["--photo-focus", "here"], "--photo-focus must be auto, none or X,Y, such as 0.4,0.6; got 'here'"),
        (["--photo-blur-level", "0"], "--photo-blur-level must be auto or lie between 0.01 and 100; got 0"),
        (["--photo-focus", "none", "--photo-blur-level", "2"], "--photo-blur-level must be left out where"),
        (["--photo-focus", "0.5,0.5", "--depth", "none"], "--photo-focus X,Y needs depth"),
        (["--focus-sweep", "1"], "--focus-sweep must lie between 2 and 240 frames; got 1"),
        (["--focus-sweep", "3", "--depth", "none"], "--focus-sweep needs depth"),
        (["--out", "made.gif"], "--out must end in one of .jpg .jpeg .png; got made.gif"),
        (["--checkpoint", "nowhere"], "nowhere must be the --out folder of a train run"),
        (["--depth", "no/such-model", "--offline"], "or refocus without depth: --depth none"),
        (["--steps", "0"], "--steps must lie between 1 and 1000; got 0"),
        (["--device", "cuda"], "--device cuda: torch sees no GPU here"),
    ],
)
def test_what_a_user_got_wrong_is_one_line_and_exit_code_2(
    photo: Path, run: Path, capsys: Said, arguments: list[str], said: str
) -> None:
    assert refocus(photo, run, *arguments) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert len(output.err.splitlines()) == 1
    assert said in output.err


def test_exif_that_is_long_or_of_another_file_is_left_out(tmp_path: Path) -> None:
    """70 kB of a prompt, Photoshop's resources and the strips of a TIFF once broke the writing, after all the work."""
    pixels = np.zeros((64, 64, 3), np.uint8)
    long = Image.Exif()
    long[0x010E], long[0x010F] = "x" * 70_000, "Maker"
    long.get_ifd(0x8769).update({0x9286: b"y" * 60_000, 0x829D: 1.8})
    Image.fromarray(pixels).save(tmp_path / "long.png", exif=long)
    resources = TiffImagePlugin.ImageFileDirectory_v2()
    resources[34377], resources.tagtype[34377], resources[0x010F] = b"8BIM" + bytes(70_000), 7, "Maker"
    Image.fromarray(pixels).save(tmp_path / "psd.tif", tiffinfo=resources)
    for name in ("long.png", "psd.tif"):
        write_photo(tmp_path / "made.jpg", pixels, read_photo(tmp_path / name).exif)
        with Image.open(tmp_path / "made.jpg") as made:
            assert made.getexif()[0x010F] == "Maker"
            assert set(made.getexif()) <= {0x010F, 0x8769}, name
    write_photo(tmp_path / "made.jpg", pixels, read_photo(tmp_path / "long.png").exif)
    with Image.open(tmp_path / "made.jpg") as made:
        assert dict(made.getexif().get_ifd(0x8769)) == {0x829D: 1.8}


def test_a_photo_is_never_overwritten(photo: Path, run: Path, capsys: Said) -> None:
    before = photo.read_bytes()
    (photo.parent / "link.jpg").symlink_to(photo)
    for out in (photo, photo.parent / "." / photo.name, photo.parent / "link.jpg"):
        assert refocus(photo, run, "--out", str(out)) == 2
        assert "--out must be another file than the photo" in capsys.readouterr().err
    assert photo.read_bytes() == before


def test_a_folder_that_may_not_be_written_to_is_said_at_once(photo: Path, run: Path, capsys: Said) -> None:
    out = photo.parent / "note.txt" / "near.jpg"
    out.parent.touch()
    assert refocus(photo, run, "--out", str(out)) == 1
    said = "is no folder that you may write to; name another --out\n"
    assert capsys.readouterr().err == f"refocus-foundry: {out.parent} {said}"


def test_photos_of_one_stem_do_not_share_a_result(tmp_path: Path) -> None:
    def result(name: str, sweep: int = 0) -> str:
        return RefocusConfig(tmp_path / name, 3.0, focus_sweep=sweep).result_path.name

    (tmp_path / "same.png").write_bytes(b"x")
    (tmp_path / "same.disparity.png").write_bytes(b"x")
    assert result("same.png") == "same-refocused.jpg"
    (tmp_path / "same.jpg").write_bytes(b"x")
    assert (result("same.png"), result("same.jpg")) == ("same-png-refocused.jpg", "same-jpg-refocused.jpg")
    assert result("same.jpg", sweep=3) == "same-jpg-sweep"


def test_what_is_no_photo_is_said(run: Path, tmp_path: Path, capsys: Said) -> None:
    assert refocus(tmp_path / "none.jpg", run) == 2
    assert "none.jpg cannot be used: the file does not exist" in capsys.readouterr().err
    (tmp_path / "text.jpg").write_text("hello")
    assert refocus(tmp_path / "text.jpg", run) == 2
    assert "text.jpg cannot be used: must be one of JPEG" in capsys.readouterr().err
    assert refocus(tmp_path, run) == 2
    assert "it is a folder, not a regular file" in capsys.readouterr().err


def test_missing_depth_with_a_model_that_needs_it(photo: Path, run_with_depth: Path, capsys: Said) -> None:
    assert refocus(photo, run_with_depth, "--depth", "none") == 2
    assert "was trained with --depth-dropout 0 and needs the photo's depth" in capsys.readouterr().err


def test_an_odd_blur_level_is_a_warning_and_done(photo: Path, run: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert refocus(photo, run, "--blur-level", "60", "--resolution", "trained") == 0
    assert "blur level 60 % is outside the range" in caplog.text
