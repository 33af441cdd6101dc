from __future__ import annotations

import dataclasses
import itertools
import re

import numpy as np
import pytest

from pipelines.export.control_picture import DEFOCUS_RANGE, defocus_gray
from pipelines.export.pair import AIF, Pair, draw_pairs
from pipelines.export.sentence import REFOCUS, SHARPEN, place, sentence
from shards.record import SampleRecord
from tests.shards.synthetic import make_sample

RECORD = make_sample().record  # two planes, two levels: frames 0, 1 of the weak level, 2, 3 of the strong one


def scene(number: int) -> SampleRecord:
    return dataclasses.replace(RECORD, scene_id=f"scene{number}")


@pytest.mark.parametrize("kind", ["aif-to-frame", "frame-to-frame", "frame-to-aif"])
def test_pairs_differ_and_every_blur_level_has_its_share(kind) -> None:
    for number in range(50):
        pairs = draw_pairs(scene(number), kind, 2, seed=0)
        frames = [pair.source if kind == "frame-to-aif" else pair.target for pair in pairs]
        assert [frame // 2 for frame in frames] == [0, 1]
        assert all((pair.source is AIF) == (kind == "aif-to-frame") for pair in pairs)
        assert all(pair.source != pair.target for pair in pairs)
        assert len(set(draw_pairs(scene(number), kind, 99, seed=0))) == (12 if kind == "frame-to-frame" else 4)


def test_pairs_follow_from_seed_and_scene_alone() -> None:
    drawn = {
        (number, seed): draw_pairs(scene(number), "frame-to-frame", 3, seed)
        for number, seed in itertools.product(range(5), range(5))
    }
    assert drawn[2, 3] == draw_pairs(scene(2), "frame-to-frame", 3, 3)
    assert len({tuple(pairs) for pairs in drawn.values()}) > 15


def test_sentences_have_8_to_16_words_and_the_numbers_of_the_labels() -> None:
    seen = set()
    for number, x, y, level in itertools.product(range(15), (0.1, 0.5, 0.87), (0.04, 0.9), (0.4, 1.0, 2.5, 12.0)):
        frame = dataclasses.replace(RECORD.frames[0], focus_x=x, focus_y=y, blur_level=level)
        record = scene(number)
        object.__setattr__(record, "frames", (frame, *record.frames[1:]))  # a focus between pixels
        for pair, wordings in ((Pair(AIF, 0), REFOCUS), (Pair(1, 0), REFOCUS), (Pair(0, AIF), SHARPEN)):
            text = sentence(record, pair, seed=0)
            assert 8 <= len(re.findall(r"\w[\w.]*", text)) <= 16, text
            assert f"{level:.2g} %" in text
            if wordings is REFOCUS:
                assert f"{round(100 * x)} % across" in text
                assert f"{round(100 * y)} % down" in text
            strong = {0.4: "slight", 1.0: "moderate", 2.5: "strong", 12.0: "very strong|heavily"}[level]
            assert re.search(strong, text) or "Sharpen everything" in text
            seen.add(re.sub(r"[\d.]+|(upper|lower)? ?(left|center|right)|\(.*\)", "", text).split(" % ")[0][:12])
    assert len(seen) >= len(REFOCUS) + len(SHARPEN) - 1  # every wording occurs


@pytest.mark.parametrize(
    ("x", "y", "name"),
    [(0.5, 0.5, "center"), (0.1, 0.1, "upper left"), (0.5, 0.99, "lower center"), (0.99, 0.5, "right")],
)
def test_places_are_thirds(x, y, name) -> None:
    assert place(x, y) == name


def test_defocus_gray_tells_sign_and_strength() -> None:
    """The inverse that docs/export.md gives, within half a gray level."""
    defocus_px = np.array([[-60.0, -20.0, -0.5, 0.0, 0.5, 20.0, 60.0]])
    steps = defocus_gray(defocus_px, 1000).astype(float) - 128
    percent = np.sign(steps) * (steps / 127) ** 2 * DEFOCUS_RANGE
    expected = (defocus_px / 10).clip(-5, 5)
    np.testing.assert_allclose(percent, expected, atol=DEFOCUS_RANGE / 127, rtol=0.02)
    assert steps[0, 3] == 0
    assert (np.diff(steps) > 0).all()
