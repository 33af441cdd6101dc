"""A training run as a way to refocus, by what its network predicts."""

import logging
from pathlib import Path

from pipelines.model.checkpoint import load_averaged
from pipelines.model.sampler_config import SamplerConfig
from pipelines.refocus.flow_refocuser import FlowRefocuser, Resolution
from pipelines.refocus.network_sharpener import NetworkSharpener
from pipelines.refocus.refocuser import Refocuser
from pipelines.refocus.sharpen_then_render import SharpenThenRender

HARDLY_TRAINED = 500
"""Steps; after 500 the sharpener of the package brought back 0.19 of the lost detail, after its 6,000 0.27."""
_log = logging.getLogger(__name__)


def trained_refocuser(
    run: Path, device: str = "cpu", sampler: SamplerConfig | None = None, resolution: Resolution = "auto"
) -> Refocuser:
    """The weights of a training run. A sharpener has no use for `sampler` and `resolution`. Warns of a run that has
    hardly begun.

    Raises UserError: no run, no checkpoint yet, damaged files, weights of another model.
    """
    model, trained_on = load_averaged(run)
    if trained_on.steps < HARDLY_TRAINED:
        _log.warning("%s was trained for %d steps only; expect little of it", run, trained_on.steps)
    if trained_on.predicts_photo:
        return SharpenThenRender(NetworkSharpener(model, trained_on, device), device)
    return FlowRefocuser(model, trained_on, device, sampler, resolution)
