"""The verb `fetch-depth`: a depth model into a plain folder, for machines without internet."""

import logging
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from shlex import quote

from pipelines.config import FetchDepthConfig
from pipelines.errors import UserError, one_line
from pipelines.render.depth.checkpoint import (
    HUB_ID,
    DepthCheckpoint,
    check_checkpoint,
    find_in_cache,
    find_on_hub,
    revision_of,
)
from pipelines.render.depth.hub import PATTERNS, HubError, download
from pipelines.render.depth.model_folder import ModelNote, files_revision, read_note, write_note
from pipelines.render.depth.moge import is_moge
from pipelines.render.depth.networks import TransformersDepth
from pipelines.render.depth.registry import DEFAULT_MODEL
from pipelines.runs.disk import format_bytes
from pipelines.runs.verb_result import VerbResult

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FetchedDepth(VerbResult):
    """A depth model that lies in a folder and loads. license: "" where neither registry nor hub states one."""

    folder: str
    model: str
    revision: str
    kind: str
    license: str
    is_noncommercial: bool
    bytes: int
    next_command: str

    def summary(self) -> str:
        """For people: model, size and license, and the command that uses it."""
        license = self.license or "not stated, see its model card"
        license += " (not for commercial use)" if self.is_noncommercial else ""
        return (
            f"{self.folder}: {self.model}@{self.revision}, {self.kind} depth, {format_bytes(self.bytes)}, "
            f"license: {license}\nnext, also without a network: {self.next_command}"
        )


def fetch_depth(config: FetchDepthConfig) -> FetchedDepth:
    """Download a depth model and load it once, for a trial. The same command again goes on where it stopped.

    Raises UserError: the folder holds other things, the hub does not give the model, the disk is full.
    """
    folder, model = config.folder, DEFAULT_MODEL if config.model == "auto" else config.model
    note = _begun(folder, model)
    if not (note and note.files and config.revision in (None, note.revision)):
        found = _found(model, config, note)
        note = ModelNote(model, found.revision, found.license)
        _fill(folder, note, found.folder)
        _finish(folder, replace(note, files=files_revision(folder)), config)
    found = check_checkpoint(str(folder), kind=config.depth_kind, revision=None, allow_network=False)
    flags = f" --depth {quote(str(folder))}"
    flags += f" --depth-kind {config.depth_kind}" if config.depth_kind else ""
    return FetchedDepth(
        folder=str(folder),
        model=found.model,
        revision=found.revision,
        kind=found.kind,
        license=found.license,
        is_noncommercial=found.is_noncommercial,
        bytes=sum(file.stat().st_size for file in _files(folder)),
        next_command=f"refocus-foundry render --photos my/photos{flags} --out out/mine",
    )


def _begun(folder: Path, model: str) -> ModelNote | None:
    """What the folder holds of the model already. Raises UserError when it holds anything else."""
    if is_moge(model):
        command = f"hf download {model} model.pt --local-dir {folder}/moge-2"
        raise UserError(f"--model {model} is no model of transformers; fetch it with `{command}`")
    if not HUB_ID.fullmatch(model):
        raise UserError(f"--model must be auto or an id OWNER/NAME of the hub; got {model!r}")
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder} must be a folder; it is a file")
    note = read_note(folder)
    if note is None and folder.exists() and any(folder.iterdir()):
        raise UserError(f"{folder} must be empty or hold a model of fetch-depth; it holds other things; name another")
    if note and note.model != model:
        raise UserError(f"{folder} holds {note}; name another folder for {model}")
    return note


def _found(model: str, config: FetchDepthConfig, note: ModelNote | None) -> DepthCheckpoint:
    """The model in the hub's cache, else on the hub, at the revision asked for, else at the one that was begun."""
    revision = config.revision or (note.revision if note else revision_of(model, None))
    try:
        found = find_in_cache(model, config.depth_kind, revision) or find_on_hub(model, config.depth_kind, revision)
    except HubError as error:
        reason = f"depth model {model} at {revision} cannot be fetched: {error.why}"
        raise UserError(f"{reason}; {error.way_out}", error.exit_code) from error
    if note and note.revision != found.revision:
        raise UserError(f"{config.folder} holds {note}; name another folder for revision {found.revision}")
    return found


def _fill(folder: Path, note: ModelNote, cached: Path | None) -> None:
    """The model's files into the folder, copied from the hub's cache where they lie there."""
    folder.mkdir(parents=True, exist_ok=True)
    write_note(folder, note)
    if cached:
        _log.info("%s is in the cache: copying it to %s", note, folder)
        for file in _files(cached):
            shutil.copyfile(file, folder / file.name)
        return
    _log.info("fetching %s into %s", note, folder)
    if not _log.isEnabledFor(logging.INFO):  # -q
        from huggingface_hub.utils.tqdm import disable_progress_bars

        disable_progress_bars()
    try:
        download(note.model, note.revision, folder)
    except HubError as error:
        message = f"depth model {note} is not complete in {folder}: {error.why}; {error.way_out}"
        raise UserError(f"{message}; the same command goes on", error.exit_code) from error


def _finish(folder: Path, note: ModelNote, config: FetchDepthConfig) -> None:
    """Load the model as a run would; what loads is whole, and the note says so."""
    found = DepthCheckpoint(note.model, note.revision, config.depth_kind or "relative", note.license, folder)
    try:
        TransformersDepth(found, device="cpu")
    except Exception as error:  # transformers raises nearly anything for what it does not know
        reason = f"transformers cannot load {note} from {folder} ({one_line(error)})"
        raise UserError(f"{reason}; name another --model; docs/depth-models.md lists those that work") from error
    write_note(folder, note)
    shutil.rmtree(folder / ".cache", ignore_errors=True)  # what huggingface_hub needs to go on with a download


def _files(folder: Path) -> list[Path]:
    return sorted({file for pattern in PATTERNS for file in folder.glob(pattern)})
