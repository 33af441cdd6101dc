"""`python -m pipelines.train.release RUN`: the weights of a run, as the files that come with the package.

The folder has the layout of a run, so that it is loaded like one: settings, averaged weights, state. Left out are the
optimizer and what names this machine. The model card beside them is written by hand.
"""

import shutil
import sys
from pathlib import Path

from pipelines.errors import UserError
from pipelines.model.checkpoint import RunFolder, read_settings, read_state
from pipelines.model.package_weights import PACKAGE_WEIGHTS
from pipelines.runs.settings import settings_to_json
from shards.durable import write_durably

KEPT = ("average.safetensors", "state.json")


def release(run: Path, place: Path = PACKAGE_WEIGHTS) -> Path:
    """Replace the weights at `place` by the best of RUN on held-out scenes, or its newest. Raises UserError without."""
    settings, checkpoint = read_settings(run), RunFolder(run).to_use()
    if checkpoint is None:
        raise UserError(f"{run} must hold a checkpoint, got none yet; train further")
    made = RunFolder(place).checkpoints / f"{read_state(checkpoint).step:08d}"
    shutil.rmtree(made.parent, ignore_errors=True)
    made.mkdir(parents=True)
    write_durably(RunFolder(place).config, settings_to_json(settings))
    for name in KEPT:
        write_durably(made / name, (checkpoint / name).read_bytes())
    return made


if __name__ == "__main__":
    print(release(Path(sys.argv[1])))
