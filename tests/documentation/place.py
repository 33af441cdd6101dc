"""A folder with what the documentation's commands name: photos with depth maps, data sets, a trained run."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np

from pipelines.__main__ import main
from pipelines.benchmark.recipe import GatheredScene
from pipelines.render.depth.registry import DEFAULT_MODEL, PINNED_REVISIONS
from tests.pipelines.audit.data_set import person_before_a_wall
from tests.pipelines.measure.pictures import texture
from tests.pipelines.render.depth.small_hub import COMMIT, put_into_cache
from tests.pipelines.render.depth.tiny_checkpoint import save_tiny_checkpoint
from tests.pipelines.stacks.traced_stacks import Shoot, trace_zedd
from tests.pipelines.validate.test_stereo import card_before_stripes, write_views

RENDER = "--executor inline --device cpu --long-side 96 --max-blurred 1"
TRAIN = (
    "--device cpu --model tiny --width 48 --height 32 --batch-size 1 --steps 2 --warmup-steps 1 --validation-items 1"
    " --sample-every 0"
)
SIZES = "--planes 2 --levels 2 --blur-level-min 2 --blur-level-max 6 --samples-per-shard 4"
MAP = """photo: aif.jpg
disparity: disparity.png
disparity_scale: disparity.scale
disparity_offset: disparity.offset
frames: frame_{:02d}.jpg
labels: json
focus_disparity: focus_disparity
blur_scale: blur_scale_px
scene: scene_id
group: group
"""
"""Our own format, told as another's."""
INDOOR_MODEL = "depth-anything/Depth-Anything-V2-Metric-Indoor-Small-hf"
SCENES = [GatheredScene("quick", "still_life", 900_000_000, 96, 64)]
"""Of the test set, in place of sixty."""


def write_photo(path: Path, number: int) -> None:
    """A photo and, beside it, its disparity."""
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), texture(seed=number))
    disparity = np.rint(65535 * person_before_a_wall(number)).astype(np.uint16)
    cv2.imwrite(str(path.with_suffix(".disparity.png")), disparity)


def run(folder: Path, command: str) -> None:
    """Run a command of ours that must succeed."""
    assert main([word.replace("@", str(folder)) for word in command.split()]) == 0, command


def furnish(folder: Path) -> None:
    """Photos, lists, captions, data sets with three splits, a trained run, and what DIR stands for in a line."""
    for name in ("docs", "TEXTS"):
        (folder / name).mkdir()
    for number in range(10):
        write_photo(folder / ("my" if number < 8 else "more") / "photos" / f"{number}.jpg", number)
        (folder / "TEXTS" / f"{number}.txt").write_text("A person before a wall.")
    write_photo(folder / "photo.jpg", 10)
    (folder / "map.yaml").write_text(MAP)
    (folder / "photos.csv").write_text("path\n" + "".join(f"my/photos/{number}.jpg\n" for number in range(4)))
    run(folder, f"render --photos @/my/photos --out @/OUT {SIZES} {RENDER} --split-fractions 0.34 0.33 0.33")
    run(folder, f"train --data @/OUT --out @/RUN {TRAIN}")
    shutil.copytree(folder / "my/photos", folder / "PHOTOS")
    for name in ("out/mine", "out/demo", "out/v1", "out/v2", "out/real"):
        shutil.copytree(folder / "OUT", folder / name)
    hub_cache(folder / "hub-cache")
    for name in ("OLD_RUN", "out/train"):
        shutil.copytree(folder / "RUN", folder / name)


def hub_cache(folder: Path) -> None:
    """Tiny depth models under the names of those that docs/depth-models.md fetches: no hub is asked."""
    for model, kind in ((DEFAULT_MODEL, "relative"), (INDOOR_MODEL, "metric")):
        checkpoint = save_tiny_checkpoint(folder / kind, kind=kind)
        put_into_cache(folder, model, checkpoint, PINNED_REVISIONS.get(model, COMMIT))


def another_data_set(folder: Path) -> None:
    """A copy of OUT."""
    shutil.copytree(folder.with_name("OUT"), folder)


def answers(folder: Path) -> None:
    """Answers to the test set: those of the method that does nothing."""
    run(folder, "benchmark --set @/set --out @/out --contestants identity --keep-answers")
    for picture in (folder / "out/answers/identity").glob("*.png"):
        shutil.move(picture, folder)


def camera_stacks(folder: Path) -> None:
    """Focus stacks of a real camera, as ZEDD has them."""
    trace_zedd(Shoot(folder, width=96, samples=16, distances_m=(0.9, 1.6, 8.0), f_numbers=(1.4,)))


def stereo_pair(folder: Path) -> None:
    """Left and right view, and measured disparity."""
    pair = card_before_stripes()
    write_views(pair, folder / "card_left.png", folder / "card_right.png")
    np.savez(folder / "card_disp.npz", pair.disparity.numpy())
