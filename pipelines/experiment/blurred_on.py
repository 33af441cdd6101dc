"""The training data of "missing blur, then network": each target's reference, blurred on by the renderer once.

Rendering takes longer than a training step, so it is done before: for every frame of the training set, one other frame
or the photo, drawn once.
"""

from pathlib import Path
from zlib import crc32

import numpy as np

from pipelines.experiment.held_out import PHOTO, HeldOutScene, RefocusTask
from pipelines.experiment.ways import blurred_on
from pipelines.runs.progress_bar import ProgressBar
from pipelines.train.blurred_references import BlurredReferences
from shards import find_shards, read_shards


def blur_references(data: Path, out: Path, photo_share: float) -> None:
    """Write what is missing of the split `train` of a data set; `photo_share` of the references are the photo."""
    out.mkdir(parents=True, exist_ok=True)
    total = sum(shard.samples for shard in find_shards(data, split="train"))
    with ProgressBar("blur references", "scenes", total) as bar:
        for sample in read_shards(data, split="train", seed=None):
            if not BlurredReferences.path(out, sample.key).exists():
                rng, scene = np.random.default_rng(crc32(sample.key.encode())), HeldOutScene(sample)
                references = [
                    _drawn(rng, target, len(sample.frames), photo_share) for target in range(len(sample.frames))
                ]
                tasks = [RefocusTask(scene, reference, [target]) for target, reference in enumerate(references)]
                pictures = np.stack([blurred_on(task)[0] for task in tasks])
                BlurredReferences(np.array(references), pictures).write(out, sample.key)
            bar.advance()


def _drawn(rng: np.random.Generator, target: int, frames: int, photo_share: float) -> int:
    others = [frame for frame in range(frames) if frame != target]
    return PHOTO if rng.random() < photo_share else int(rng.choice(others))
