"""Publishing, against a stand-in that has the hub library's own signatures."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from unittest.mock import create_autospec

import pytest
from huggingface_hub import DatasetCard, HfApi
from huggingface_hub.errors import LocalTokenNotFoundError
from huggingface_hub.utils import filter_repo_objects

from pipelines.errors import UserError
from pipelines.export.config import PublishConfig
from pipelines.export.publish import publish
from shards import write_index
from tests.shards.synthetic import make_sample, write_shard


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch):
    api = create_autospec(HfApi, instance=True)
    api.create_repo.return_value = "https://hub/datasets/me/refocus-pairs"
    monkeypatch.setattr("pipelines.export.publish.HfApi", lambda **_: api)
    return api


def with_license(out: Path, license_name: str) -> Path:
    sample = make_sample()
    photo = dataclasses.replace(sample.record.photo, license=license_name)
    record = dataclasses.replace(sample.record, photo=photo)
    write_shard(out, "train-000000", [dataclasses.replace(sample, record=record)])
    write_index(out)
    return out


def test_without_push_nothing_is_asked_of_the_hub(out: Path, hub) -> None:
    shown = publish(PublishConfig(out, "me/refocus-pairs"))
    assert hub.mock_calls == []
    assert "nothing was uploaded: --push does it" in shown.summary()
    assert "shards/val-000000.tar" in shown.summary()
    assert "pretty_name: refocus pairs" in shown.summary()


def test_tars_markers_and_card_go_to_a_private_repository(out: Path, hub) -> None:
    (out / "rejects.jsonl").write_text('{"path": "/home/me/secret.jpg"}\n')
    (out / ".meta/plan.jsonl").write_text('{"location": "/home/me/secret.jpg"}\n')
    result = publish(PublishConfig(out, "me/refocus-pairs", push=True, title="Refocus pairs"))
    assert result.url.endswith("me/refocus-pairs")
    hub.create_repo.assert_called_once_with("me/refocus-pairs", repo_type="dataset", private=True, exist_ok=True)
    wanted = hub.upload_folder.call_args.kwargs["allow_patterns"]
    every = [path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()]
    sent = set(filter_repo_objects(every, allow_patterns=wanted))
    assert sent == set(every) - {"README.md", "rejects.jsonl", ".meta/plan.jsonl"}
    card = DatasetCard(hub.upload_file.call_args.kwargs["path_or_fileobj"].decode())
    assert (card.data.pretty_name, card.data.size_categories, card.data.license) == (
        "Refocus pairs",
        ["n<1K"],
        "cc0-1.0",
    )
    assert card.data.configs[0]["data_files"][0] == {"split": "train", "path": "shards/train-*.tar"}
    assert "## Citation" in card.text


@pytest.mark.parametrize(("license_name", "warning"), [("", "state no license"), ("CC-BY-ND-4.0", "no derivatives")])
def test_licenses_are_cleared_first(tmp_path: Path, hub, license_name, warning) -> None:
    config = PublishConfig(with_license(tmp_path / "set", license_name), "me/set", push=True)
    with pytest.raises(UserError, match=f"is not uploaded: 1 of 1 photos .*{warning}.*give --despite-warnings"):
        publish(config)
    assert hub.mock_calls == []
    assert publish(dataclasses.replace(config, despite_warnings=True)).url


def test_what_cannot_be_published_is_said_in_one_line(out: Path, hub, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="REPO must be a name on the hub, NAME/SET; got a/b/c"):
        publish(PublishConfig(out, "a/b/c"))
    hub.create_repo.side_effect = LocalTokenNotFoundError("Token is required")
    with pytest.raises(UserError, match=r"the hub has refused me/x: Token is required; sign in by `hf auth login`"):
        publish(PublishConfig(out, "me/x", push=True))
    (out / "index.json").unlink()
    with pytest.raises(UserError, match=r"must have index.json; finish it by the same render command again"):
        publish(PublishConfig(out, "me/x"))
    (out / ".meta/train-000000.json").unlink()
    with pytest.raises(UserError, match=r"shard train-000000 of .* must be finished"):
        publish(PublishConfig(out, "me/x"))
