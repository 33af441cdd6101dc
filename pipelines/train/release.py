"""`python -m pipelines.train.release RUN`: the newest weights of a run, as the files that come with the package.

The folder has the layout of a run, so that it is loaded like one: settings, averaged weights, state. Left out are the
optimizer and what names this machine. The model card beside them is written by hand.
"""

import shutil
import sys
from pathlib import Path

from pipelines.errors import UserError
from pipelines.model.checkpoint import RELEASED, RunFolder, read_settings, read_state
from pipelines.runs.settings import settings_to_json
from shards.durable import write_durably

KEPT = ("average.safetensors", "state.json")


def release(run: Path, released: Path = RELEASED) -> Path:
    """Replace the weights of `released` by those of RUN's newest checkpoint. Raises UserError without one."""
    settings, checkpoint = read_settings(run), RunFolder(run).latest()
    if checkpoint is None:
        raise UserError(f"{run} must hold a checkpoint, got none yet; train further")
    read_state(checkpoint)
    place = RunFolder(released)
    shutil.rmtree(place.checkpoints, ignore_errors=True)
    (place.checkpoints / checkpoint.name).mkdir(parents=True)
    write_durably(place.config, settings_to_json(settings))
    for name in KEPT:
        write_durably(place.checkpoints / checkpoint.name / name, (checkpoint / name).read_bytes())
    return place.checkpoints / checkpoint.name


if __name__ == "__main__":
    print(release(Path(sys.argv[1])))
