"""Where a depth model lies: a local folder, the hub's cache, or, when allowed, the network. No weights are loaded.

`check_checkpoint` answers within seconds, before any worker starts; `fetch_checkpoint` may download. Loading then
reads one folder and never the network: the loaders' own retries take a minute and a half to say "no network".
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.errors import UserError
from pipelines.render.depth.disparity_map import Kind
from pipelines.render.depth.origin import revision_of_files
from pipelines.render.depth.registry import LICENSE_OF_MODEL, PINNED_REVISIONS, kind_of

CONNECT_SECONDS = 5.0
_CONFIG, _PROCESSOR = "config.json", "preprocessor_config.json"
_WEIGHTS, _WEIGHTS_INDEX = "model.safetensors", "model.safetensors.index.json"
HUB_ID = re.compile(r"[\w.-]+(/[\w.-]+)?")
_WAYS_OUT = "use --depth sidecar, a model's folder, or --photos builtin:8"


@dataclass(frozen=True)
class DepthCheckpoint:
    """Which weights. `folder` is None while they are still on the hub."""

    model: str  # id on the hub, or the folder's name
    revision: str  # commit on the hub, or sha256: of a local folder's files
    kind: Kind
    license: str  # "" when not known
    folder: Path | None

    @property
    def is_noncommercial(self) -> bool:
        return "-NC" in self.license


def check_checkpoint(model: str, *, kind: Kind | None, revision: str | None, allow_network: bool) -> DepthCheckpoint:
    """Find a model without downloading weights: at most one try at the network, a few seconds long.

    Raises UserError that says where it looked, how to fetch it, and what to do without it.
    """
    found = _find_here(model, kind, revision)
    return found or _find_on_hub(model, kind, _revision(model, revision), allow_network)


def fetch_checkpoint(model: str, *, kind: Kind | None, revision: str | None, allow_network: bool) -> DepthCheckpoint:
    """Find a model as `check_checkpoint` does, and download its weights where they are missing: `folder` is set.

    Raises UserError as `check_checkpoint` does.
    """
    found = check_checkpoint(model, kind=kind, revision=revision, allow_network=allow_network)
    if found.folder is not None:
        return found
    from huggingface_hub import snapshot_download

    patterns = ["*.json", "*.safetensors"]
    try:
        snapshot_download(model, revision=found.revision, allow_patterns=patterns, etag_timeout=CONNECT_SECONDS)
    except Exception as error:  # the HTTP library below raises its own kinds, which change with its versions
        raise _absent(model, found.revision, f"the download failed ({_one_line(error)})") from error
    fetched = _find_here(model, kind, found.revision)
    if fetched is None:
        raise _absent(model, found.revision, "the download left it incomplete")
    return fetched


def _find_here(model: str, kind: Kind | None, revision: str | None) -> DepthCheckpoint | None:
    """In a local folder or in the cache; None when in neither."""
    path = Path(model).expanduser()
    if path.is_dir():
        return _local(path, kind, revision)
    if not HUB_ID.fullmatch(model):
        raise UserError(f"--depth {model} must be a folder that exists or a hub id (owner/name); {_WAYS_OUT}")
    folder = _cached_folder(model, _revision(model, revision))
    if folder is None or _missing(folder):
        return None
    config = _read_config(folder)
    commit = folder.name
    return DepthCheckpoint(model, commit, kind_of(model, config, kind), LICENSE_OF_MODEL.get(model, ""), folder)


def _local(folder: Path, kind: Kind | None, revision: str | None) -> DepthCheckpoint:
    if revision is not None:
        raise UserError(f"--depth-revision {revision} needs a hub id; {folder} is a folder, with one version")
    if missing := _missing(folder):
        raise UserError(f"--depth {folder} must hold a depth model as transformers saves it; missing {missing}")
    name = folder.resolve().name  # its full path would tell whose machine made the data set
    revision = revision_of_files([*folder.glob("*.safetensors"), folder / _CONFIG, folder / _PROCESSOR])
    return DepthCheckpoint(name, revision, kind_of(name, _read_config(folder), kind), "", folder)


def _find_on_hub(model: str, kind: Kind | None, revision: str, allow_network: bool) -> DepthCheckpoint:
    from huggingface_hub import HfApi, constants, hf_hub_download
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError

    if not allow_network or constants.HF_HUB_OFFLINE:
        raise _absent(model, revision, "the network is switched off (--offline or HF_HUB_OFFLINE)")
    try:
        info = HfApi().model_info(model, revision=revision, timeout=CONNECT_SECONDS)
        names = {file.rfilename for file in info.siblings or []}
        if missing := _missing_of(names):
            raise _absent(model, revision, f"the hub has it without {missing}")
        # Under the name asked for, so that the cache knows next time, offline, which commit `main` was.
        config = hf_hub_download(model, _CONFIG, revision=revision, etag_timeout=CONNECT_SECONDS)
    except UserError:
        raise
    except (GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError) as error:
        raise _absent(model, revision, "the hub has no such model or revision, or asks for a login") from error
    except Exception as error:  # as in fetch_checkpoint
        raise _absent(model, revision, f"{constants.ENDPOINT} did not answer ({_one_line(error)})") from error
    known_kind = kind_of(model, json.loads(Path(config).read_text("utf-8")), kind)
    return DepthCheckpoint(model, info.sha or revision, known_kind, LICENSE_OF_MODEL.get(model, ""), None)


def _revision(model: str, revision: str | None) -> str:
    return revision or PINNED_REVISIONS.get(model, "main")


def _cached_folder(model: str, revision: str) -> Path | None:
    from huggingface_hub import constants, try_to_load_from_cache

    config = try_to_load_from_cache(model, _CONFIG, cache_dir=constants.HF_HUB_CACHE, revision=revision)
    return Path(config).parent if isinstance(config, str) else None


def _missing(folder: Path) -> str:
    """The files that a model lacks, as text; empty when none is missing."""
    if missing := _missing_of({path.name for path in folder.iterdir() if path.exists()}):
        return missing
    if (folder / _WEIGHTS).exists():
        return ""
    shards = set(json.loads((folder / _WEIGHTS_INDEX).read_text("utf-8")).get("weight_map", {}).values())
    return ", ".join(sorted(name for name in shards if not (folder / name).exists()))


def _missing_of(names: set[str]) -> str:
    missing = [name for name in (_CONFIG, _PROCESSOR) if name not in names]
    if not names & {_WEIGHTS, _WEIGHTS_INDEX}:
        missing.append(f"{_WEIGHTS} (pickled weights are not read)")
    return ", ".join(missing)


def _read_config(folder: Path) -> dict[str, Any]:
    try:
        config = json.loads((folder / _CONFIG).read_text("utf-8"))
    except ValueError as error:
        raise UserError(f"{folder / _CONFIG} is not JSON ({error}); fetch the model again") from error
    return config if isinstance(config, dict) else {}


def _absent(model: str, revision: str, why: str) -> UserError:
    from huggingface_hub import constants

    command = f"hf download {model} --revision {revision}"
    return UserError(
        f"depth model {model} is not here: no folder of this name, not in the cache {constants.HF_HUB_CACHE}, "
        f"and {why}; fetch it where there is a network with `{command}`, or {_WAYS_OUT}"
    )


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
