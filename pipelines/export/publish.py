"""The verb `publish`: a data set on the Hugging Face hub.

Tars, markers, side files and the card go there. Plan, rejects and logs of runs stay: they name places of this machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import DatasetCard, HfApi
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalTokenNotFoundError, OfflineModeIsEnabled
from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]

from pipelines.data_set import existing_data_set
from pipelines.errors import UserError, one_line
from pipelines.export.config import PublishConfig
from pipelines.runs.disk import counted
from pipelines.runs.verb_result import VerbResult
from shards.card import CARD_FILE, card_text
from shards.croissant import CROISSANT_FILE
from shards.index import CHECKSUM_FILE, INDEX_FILE, marked_shards
from shards.licenses import summarize_licenses
from shards.manifest import MANIFEST_FILE
from shards.marker import read_marker
from shards.reader import find_shards
from shards.summary import DataSetSummary

SIDE_FILES = (INDEX_FILE, MANIFEST_FILE, CROISSANT_FILE, CHECKSUM_FILE)
CITATION = """
## Citation

Made by refocus-foundry, for models such as DiffCamera:

```bibtex
@misc{diffcamera2025,
  title  = {DiffCamera: Arbitrary Refocusing on Images},
  eprint = {2509.26599},
  archivePrefix = {arXiv},
  year   = {2025}
}
```
"""


@dataclass(frozen=True)
class Publication(VerbResult):
    """What is, or would be, on the hub.

    Attributes:
        files, megabytes: besides the card.
        warnings: on licenses.
        card: text of the card.
        url: of the upload; "" in a dry run.
    """

    repo: str
    files: tuple[str, ...]
    megabytes: float
    size_category: str
    license: str
    warnings: tuple[str, ...]
    card: str
    url: str = ""

    def summary(self) -> str:
        counts = (
            f"{counted(len(self.files), 'file')}, {self.megabytes:.1f} MB, {self.size_category}, license {self.license}"
        )
        if self.url:
            return f"{self.url}: {counts}"
        head = self.card.split("---\n")[1].rstrip()
        warned = [f"warning: {warning}" for warning in self.warnings]
        return "\n".join([*self.files, head, *warned, f"{self.repo}: {counts}; nothing was uploaded: --push does it"])


def publish(config: PublishConfig) -> Publication:
    """Upload a data set, or show it.

    Raises UserError: no finished data set, no name of the hub, licenses that are not cleared, the hub's refusal.
    """
    out = config.out
    existing_data_set(out)
    try:
        validate_repo_id(config.repo)
    except HFValidationError as error:
        raise UserError(f"REPO must be a name on the hub, NAME/SET; got {config.repo}: {one_line(error)}") from error
    files, summary = _files(out), DataSetSummary(read_marker(out, name) for name in marked_shards(out))
    card = DatasetCard(card_text(summary).rstrip("\n") + "\n" + CITATION)
    card.data["pretty_name"] = config.title or config.repo.rpartition("/")[2].replace("-", " ").replace("_", " ")
    licenses = summarize_licenses(summary)
    publication = Publication(
        config.repo,
        tuple(files),
        sum((out / name).stat().st_size for name in files) / 1e6,
        card.data["size_categories"][0],
        licenses.name,
        licenses.warnings,
        str(card),
    )
    if not config.push:
        return publication
    if licenses.warnings and not config.despite_warnings:
        way_out = "clear the licenses, or give --despite-warnings"
        raise UserError(f"{out} is not uploaded: {' '.join(licenses.warnings)} To go on, {way_out}")
    return Publication(**(vars(publication) | {"url": _upload(out, publication, private=not config.public)}))


def _files(out: Path) -> list[str]:
    """Paths of what goes to the hub. Raises UserError when the data set is not finished."""
    try:
        shards = find_shards(out)
    except ValueError as error:
        raise UserError(f"{error}; finish it by the same render command again") from error
    tars = [f"shards/{shard.path.name}" for shard in shards if shard.samples]
    markers = [f".meta/{name}.json" for name in marked_shards(out)]
    missing = [name for name in SIDE_FILES if not (out / name).is_file()]
    if missing:
        raise UserError(f"{out} must have {', '.join(missing)}; finish it by the same render command again")
    return [*SIDE_FILES, *tars, *markers]


def _upload(out: Path, publication: Publication, *, private: bool) -> str:
    """Upload and return the address. What is there already is not sent again."""
    api, repo = HfApi(library_name="refocus-foundry"), publication.repo
    try:
        url = api.create_repo(repo, repo_type="dataset", private=private, exist_ok=True)
        api.upload_folder(
            repo_id=repo,
            repo_type="dataset",
            folder_path=out,
            allow_patterns=list(publication.files),
            commit_message="Upload the data set",
        )
        api.upload_file(
            path_or_fileobj=publication.card.encode(),
            path_in_repo=CARD_FILE,
            repo_id=repo,
            repo_type="dataset",
            commit_message="Upload the card",
        )
    except (HfHubHTTPError, LocalTokenNotFoundError, OfflineModeIsEnabled) as error:
        way_out = "sign in by `hf auth login`, and give the same command again: what is there is not sent twice"
        raise UserError(f"the hub has refused {repo}: {one_line(error)}; {way_out}", exit_code=1) from error
    return str(url)
