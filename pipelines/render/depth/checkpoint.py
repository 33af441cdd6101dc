"""Where a depth model lies: a local folder, the hub's cache, or, when allowed, the network. No weights are loaded.

`check_checkpoint` answers within seconds, before any worker starts; `fetch_checkpoint` may download. Loading then
reads one folder and never the network: the loaders' own retries take a minute and a half to say "no network".
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path

from pipelines.errors import UserError
from pipelines.render.depth.disparity_map import Kind
from pipelines.render.depth.hub import (
    CONFIG,
    WEIGHTS,
    WEIGHTS_INDEX,
    HubError,
    ask_hub,
    download,
    missing_of,
    read_config,
)
from pipelines.render.depth.model_folder import check_files, files_revision, read_note
from pipelines.render.depth.registry import DEFAULT_MODEL, LICENSE_OF_MODEL, PINNED_REVISIONS, is_noncommercial, kind_of

HUB_ID = re.compile(r"[\w.-]+(/[\w.-]+)?")
_WAYS_OUT = "use --depth sidecar, a model's folder, or --photos builtin:8"


class AbsentModel(UserError):
    """The model is neither here nor to be had from the hub."""


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
        return is_noncommercial(self.license)


def check_checkpoint(model: str, *, kind: Kind | None, revision: str | None, allow_network: bool) -> DepthCheckpoint:
    """Find a model without downloading weights: at most one try at the network, a few seconds long.

    Raises UserError that says where it looked, how to fetch it, and what to do without it; AbsentModel if it is absent.
    """
    if found := _find_here(model, kind, revision):
        return found
    revision = revision_of(model, revision)
    try:
        return find_on_hub(model, kind, revision, allow_network)
    except HubError as error:
        raise _absent(model, revision, error.why) from error


def fetch_checkpoint(model: str, *, kind: Kind | None, revision: str | None, allow_network: bool) -> DepthCheckpoint:
    """Find a model as `check_checkpoint` does, and download its weights where they are missing: `folder` is set.

    Raises UserError as `check_checkpoint` does.
    """
    found = check_checkpoint(model, kind=kind, revision=revision, allow_network=allow_network)
    if found.folder is not None:
        return found
    try:
        download(model, found.revision)
    except HubError as error:
        raise _absent(model, found.revision, error.why) from error
    fetched = _find_here(model, kind, found.revision)
    if fetched is None:
        raise _absent(model, found.revision, "the download left it incomplete")
    return fetched


def find_in_cache(model: str, kind: Kind | None, revision: str) -> DepthCheckpoint | None:
    """A model of the hub that was downloaded before; None where it is not there as a whole."""
    folder = _cached_folder(model, revision)
    if folder is None or _missing(folder):
        return None
    known_kind = kind_of(model, read_config(folder / CONFIG), kind)
    return DepthCheckpoint(model, folder.name, known_kind, LICENSE_OF_MODEL.get(model, ""), folder)


def find_on_hub(model: str, kind: Kind | None, revision: str, allow_network: bool = True) -> DepthCheckpoint:
    """What the hub has; `folder` is None. Raises HubError, and UserError as `kind_of` does."""
    found = ask_hub(model, revision, allow_network)
    known_kind = kind_of(model, found.config, kind)
    return DepthCheckpoint(model, found.commit, known_kind, LICENSE_OF_MODEL.get(model, found.license), None)


def revision_of(model: str, revision: str | None) -> str:
    """The revision asked for, else the one that is pinned, else `main`."""
    return revision or PINNED_REVISIONS.get(model, "main")


def _find_here(model: str, kind: Kind | None, revision: str | None) -> DepthCheckpoint | None:
    """In a local folder or in the cache; None when in neither."""
    path = Path(model).expanduser()
    if path.is_dir():
        return _local(path, kind, revision)
    if not HUB_ID.fullmatch(model):
        raise UserError(f"--depth {model} must be a folder that exists or a hub id (owner/name); {_WAYS_OUT}")
    return find_in_cache(model, kind, revision_of(model, revision))


def _local(folder: Path, kind: Kind | None, revision: str | None) -> DepthCheckpoint:
    if revision is not None:
        raise UserError(f"--depth-revision {revision} needs a hub id; {folder} is a folder, with one version")
    note, missing = read_note(folder), _missing(folder)
    if missing and not note:
        raise UserError(f"--depth {folder} must hold a depth model as transformers saves it; missing {missing}")
    files = "" if missing else files_revision(folder)
    if note:
        check_files(folder, note, files)
        known_kind = kind_of(note.model, read_config(folder / CONFIG), kind)
        return DepthCheckpoint(note.model, note.revision, known_kind, note.license, folder)
    name = folder.resolve().name  # its full path would tell whose machine made the data set
    return DepthCheckpoint(name, files, kind_of(name, read_config(folder / CONFIG), kind), "", folder)


def _cached_folder(model: str, revision: str) -> Path | None:
    from huggingface_hub import constants, try_to_load_from_cache

    config = try_to_load_from_cache(model, CONFIG, cache_dir=constants.HF_HUB_CACHE, revision=revision)
    return Path(config).parent if isinstance(config, str) else None


def _missing(folder: Path) -> str:
    """The files that a model lacks, as text; empty when none is missing."""
    if missing := missing_of({path.name for path in folder.iterdir() if path.exists()}):
        return missing
    if (folder / WEIGHTS).exists():
        return ""
    shards = set(json.loads((folder / WEIGHTS_INDEX).read_text("utf-8")).get("weight_map", {}).values())
    return ", ".join(sorted(name for name in shards if not (folder / name).exists()))


def _absent(model: str, revision: str, why: str) -> UserError:
    from huggingface_hub import constants

    flags = "" if model == DEFAULT_MODEL else f" --model {model}"
    flags += "" if revision in ("main", PINNED_REVISIONS.get(model)) else f" --revision {revision}"
    command = f"refocus-foundry fetch-depth DIR{flags}"
    return AbsentModel(
        f"depth model {model} at {revision} is not here: no folder of this name, not in the cache "
        f"{constants.HF_HUB_CACHE}, and {why}; fetch it where there is a network with `{command}`, then --depth DIR, "
        f"or {_WAYS_OUT}"
    )
