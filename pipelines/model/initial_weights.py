"""A warm start: the weights of another run, or of a file, without its optimizer."""

from pathlib import Path

from torch import nn

from pipelines.errors import UserError
from pipelines.model.checkpoint import RunFolder, load_tensors

_AVERAGED = "module."  # what an averaged model puts before its weights' names


def load_initial_weights(source: Path, model: nn.Module) -> None:
    """Fill a model from a run (its averaged weights, the best where it was validated) or a safetensors file.

    Raises UserError that names the first weight that is missing, unknown or of another shape.
    """
    path = source
    if source.is_dir():
        checkpoint = RunFolder(source).to_use()
        if checkpoint is None:
            raise UserError(f"--init-weights {source} must hold a checkpoint or be a .safetensors file")
        path = checkpoint / "average.safetensors"
    tensors = load_tensors(path)
    if any(name.startswith(_AVERAGED) for name in tensors):
        tensors = {name.removeprefix(_AVERAGED): value for name, value in tensors.items() if name != "n_averaged"}
    needed = model.state_dict()
    for name in [*needed, *tensors]:
        want, got = (list(found[name].shape) if name in found else "none" for found in (needed, tensors))
        if want != got:
            raise UserError(
                f"--init-weights {path} must hold the weights of --model and --predict; {name}: needs {want}, got {got}"
            )
    model.load_state_dict(tensors)
