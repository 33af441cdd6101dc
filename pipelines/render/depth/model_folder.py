"""A folder of `fetch-depth`: a model's files, and depth-model.json, which says which model they are.

So data sets made with `--depth FOLDER` name model, revision and license as those made with the hub do.
"""

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from shlex import quote

from pipelines.errors import UserError, refusing
from pipelines.render.depth.hub import CONFIG, PROCESSOR
from pipelines.render.depth.origin import revision_of_files
from shards.durable import write_durably
from shards.foreign_file import read_foreign
from shards.strict_json import check_text

NOTE_NAME = "depth-model.json"
MAX_NOTE_BYTES = 1 << 16


@dataclass(frozen=True)
class ModelNote:
    """Content of depth-model.json."""

    model: str  # id on the hub
    revision: str  # commit
    license: str  # of the weights; "" when not known
    files: str = ""  # `files_revision` of the complete folder; "" while the download is not finished

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not isinstance(value, str):
                raise ValueError(f"{field.name} must be text, got {value!r}")
            check_text(field.name, value)

    def __str__(self) -> str:
        return f"{self.model}@{self.revision}"


def files_revision(folder: Path) -> str:
    """sha256: of the model's files in a folder."""
    return revision_of_files([*folder.glob("*.safetensors"), folder / CONFIG, folder / PROCESSOR])


def read_note(folder: Path) -> ModelNote | None:
    """None where there is none. Raises UserError for one that cannot be used."""
    path = folder / NOTE_NAME
    try:
        with refusing(str(path), f"fetch the model again, or remove {NOTE_NAME}"):
            return ModelNote(**json.loads(read_foreign(path, max_bytes=MAX_NOTE_BYTES)))
    except FileNotFoundError:
        return None


def write_note(folder: Path, note: ModelNote) -> None:
    """Put it there, whole or not at all."""
    write_durably(folder / NOTE_NAME, json.dumps(asdict(note), indent=2).encode())


def check_files(folder: Path, note: ModelNote, files: str) -> None:
    """Raise UserError unless the files are those that the note speaks of."""
    if not note.files:
        again = f"refocus-foundry fetch-depth {quote(str(folder))} --model {note.model}"
        raise UserError(f"--depth {folder} holds a part of {note.model}; `{again}` goes on with the download")
    if note.files != files:
        way_out = f"fetch it again, or remove {NOTE_NAME} if they were changed on purpose"
        raise UserError(f"--depth {folder} must hold the files of {note} as they were fetched; they differ; {way_out}")
