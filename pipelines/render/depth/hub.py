"""The model hub: what it has of a model, and its files.

Address, cache, login and offline switch are those of huggingface_hub: HF_ENDPOINT, HF_HOME, HF_TOKEN, HF_HUB_OFFLINE.
"""

import errno
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.errors import UserError, one_line

CONNECT_SECONDS = 5.0
CONFIG, PROCESSOR = "config.json", "preprocessor_config.json"
WEIGHTS, WEIGHTS_INDEX = "model.safetensors", "model.safetensors.index.json"
PATTERNS = (CONFIG, PROCESSOR, WEIGHTS, WEIGHTS_INDEX, "model-*.safetensors")
"""The files that transformers need."""
_FULL = (errno.ENOSPC, errno.EDQUOT)


class HubError(Exception):
    """The hub does not give a model. `why` and `way_out` are parts of a sentence; exit code 1: the network."""

    def __init__(self, why: str, way_out: str, exit_code: int = 2) -> None:
        super().__init__(why, way_out, exit_code)
        self.why, self.way_out, self.exit_code = why, way_out, exit_code


@dataclass(frozen=True)
class HubModel:
    """What the hub says of a model, without its weights."""

    commit: str
    config: dict[str, Any]
    license: str  # of its card; "" where it has none


def ask_hub(model: str, revision: str, allow_network: bool) -> HubModel:
    """One try, a few seconds long; config.json goes into the cache. Raises HubError."""
    from huggingface_hub import HfApi, constants, hf_hub_download
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError

    for is_off, switch, way_out in (
        (not allow_network, "--offline", "leave it out"),
        (constants.HF_HUB_OFFLINE, "HF_HUB_OFFLINE", "unset it"),
    ):
        if is_off:
            raise HubError(f"the network is switched off by {switch}", way_out)
    try:
        info = HfApi().model_info(model, revision=revision, timeout=CONNECT_SECONDS)
        if missing := missing_of({file.rfilename for file in info.siblings or []}):
            raise HubError(f"the hub has it without {missing}", "name another model")
        # Under the name asked for, so that the cache knows next time, offline, which commit `main` was.
        config = hf_hub_download(model, CONFIG, revision=revision, etag_timeout=CONNECT_SECONDS)
    except HubError:
        raise
    except (GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError) as error:
        why = "the hub has no such model or revision, or asks for a login"
        raise HubError(why, "check the name, or log in with `hf auth login`") from error
    except Exception as error:  # the HTTP library below raises its own kinds, which change with its versions
        raise _unreachable(f"{constants.ENDPOINT} did not answer ({one_line(error)})") from error
    card = info.card_data
    named = card and (card.license_name if card.license == "other" else card.license)
    return HubModel(info.sha or revision, read_config(Path(config)), named if isinstance(named, str) else "")


def download(model: str, revision: str, folder: Path | None = None) -> None:
    """The model's files into the cache, or into a plain folder; what is there already is not fetched again.

    Raises HubError, and UserError for a full disk.
    """
    from huggingface_hub import constants, snapshot_download

    try:
        snapshot_download(
            model,
            revision=revision,
            allow_patterns=list(PATTERNS),
            local_dir=folder,
            etag_timeout=CONNECT_SECONDS,
        )
    except Exception as error:  # as in `ask_hub`
        if getattr(error, "errno", None) in _FULL or "No space left" in str(error):
            place = folder or constants.HF_HUB_CACHE
            way_out = "free some and give the same command again, which goes on"
            raise UserError(f"{place} has no space left for depth model {model}; {way_out}", 1) from error
        raise _unreachable(f"the download failed ({one_line(error)})") from error


def _unreachable(why: str) -> HubError:
    return HubError(why, "run it where there is internet (a login node), or name a mirror with HF_ENDPOINT", 1)


def missing_of(names: set[str]) -> str:
    """The files that a model lacks among these, as text; empty when none is missing."""
    missing = [name for name in (CONFIG, PROCESSOR) if name not in names]
    if not names & {WEIGHTS, WEIGHTS_INDEX}:
        missing.append(f"{WEIGHTS} (pickled weights are not read)")
    return ", ".join(missing)


def read_config(path: Path) -> dict[str, Any]:
    """A config.json. Raises UserError when it is none."""
    try:
        config = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise UserError(f"{path} is not JSON ({error}); fetch the model again") from error
    return config if isinstance(config, dict) else {}
