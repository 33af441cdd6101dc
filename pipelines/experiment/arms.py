"""The studies as tables of arms: what an arm changes in training, and how its pictures are made (ways.py)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from pipelines.errors import UserError
from pipelines.experiment.config import ExperimentConfig

WayName = Literal[
    "as it is",
    "blurred twice",
    "missing blur",
    "deconvolved",
    "photo rendered",
    "true frames",
    "network",
    "missing blur, then network",
    "sharpened, then rendered",
    "sharpened, then composed",
]


@dataclass(frozen=True)
class Training:
    """One training run for each seed. run: its folder's name. changes: settings other than the study's, by flag.

    on_missing_blur: its references are blurred on to each target beforehand.
    """

    run: str
    changes: Mapping[str, object] = field(default_factory=dict)
    data_set: str = ""
    on_missing_blur: bool = False


@dataclass(frozen=True)
class Arm:
    """One row. training: None where nothing is learned. is_lens_given: the reference's own plane and blur are known.

    is_reblurred: what is sharpened is made to agree with the reference (back_projection.py).
    """

    name: str
    way: WayName
    training: Training | None = None
    is_lens_given: bool = True
    is_reblurred: bool = True


_UNET = {"model": "unet-tiny", "learning_rate": 1e-3}
_REGRESSION = {"noise": "none"}
_PHOTO = {"predict": "photo", "noise": "none", "aif_share": 0.1, "redraw_focus": 0.0}

NOT_LEARNED = (
    Arm("reference as it is", "as it is"),
    Arm("reference blurred twice", "blurred twice"),
    Arm("missing blur", "missing blur"),
    Arm("back-projection alone", "deconvolved"),
    Arm("true photo rendered", "photo rendered"),
    Arm("true frames", "true frames"),
)


def arms_of(config: ExperimentConfig) -> tuple[Arm, ...]:
    """Learned arms first, the one that all are compared with at the head, unless --arms names others.

    Raises UserError for a name that is no arm of the study.
    """
    arms = _learned(config) + NOT_LEARNED
    if not config.arms:
        return arms
    by_name = {arm.name: arm for arm in arms}
    unknown = [name for name in config.arms if name not in by_name]
    if unknown:
        names = ", ".join(f'"{name}"' for name in by_name)
        raise UserError(f'--arms must be arms of --study {config.study}: {names}; got "{unknown[0]}"')
    return tuple(by_name[name] for name in config.arms)


def _learned(config: ExperimentConfig) -> tuple[Arm, ...]:
    match config.study:
        case "ways":
            return _ways()
        case "stacking-unlabeled":
            return _constraint(0.7, {"stack_target": "aif", "labeled_scenes": 12})
        case "stacking-mislabeled":
            return _constraint(2.0, {"stack_target": "aif", "mislabeled": 0.4})
        case "stacking-clean":
            return _constraint(2.0, {})
        case "scenes":
            names = [name for name, _ in config.named_data_sets]
            trained = [Training(name, _PHOTO | {"learning_rate": 1e-3}, data_set=name) for name in names]
            given = [Arm(t.run, "sharpened, then composed", t) for t in trained]
            return (*given, *(Arm(f"{t.run}, lens estimated", "sharpened, then composed", t, False) for t in trained))


def _ways() -> tuple[Arm, ...]:
    unet_on_blurred = Training("unet-on-missing-blur", _UNET | _REGRESSION, on_missing_blur=True)
    unet_photo, dit_photo = Training("unet-photo", _UNET | _PHOTO), Training("dit-photo", _PHOTO)
    return (
        Arm("DiT, flow, no maps", "network", Training("dit-flow-no-maps", {"defocus_maps": False})),
        Arm("DiT, flow", "network", Training("dit-flow")),
        Arm("DiT, regression", "network", Training("dit-regression", _REGRESSION)),
        Arm("U-Net, flow", "network", Training("unet-flow", _UNET)),
        Arm("U-Net, regression", "network", Training("unet-regression", _UNET | _REGRESSION)),
        Arm("U-Net photo, rendered", "sharpened, then rendered", unet_photo),
        Arm("U-Net photo, composed", "sharpened, then composed", unet_photo),
        Arm("U-Net photo, composed, not re-blurred", "sharpened, then composed", unet_photo, is_reblurred=False),
        Arm("U-Net photo, composed, lens estimated", "sharpened, then composed", unet_photo, False),
        Arm("missing blur, then U-Net", "missing blur, then network", unet_on_blurred),
        Arm("DiT photo, composed", "sharpened, then composed", dit_photo),
    )


def _constraint(weight: float, changes: Mapping[str, object]) -> tuple[Arm, ...]:
    """The same training without and with the constraint."""
    weights = (0.0, weight)
    runs = [Training(f"lambda-{each:g}", {**changes, "stack_weight": each}) for each in weights]
    return tuple(Arm(f"lambda = {each:g}", "network", run) for each, run in zip(weights, runs, strict=True))
