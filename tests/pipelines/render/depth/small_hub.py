"""A model hub on this machine: enough of the protocol for huggingface_hub to look up and download a model."""

from __future__ import annotations

import hashlib
import json
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from huggingface_hub import constants

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def point_at(monkeypatch: pytest.MonkeyPatch, endpoint: str) -> None:
    """Let huggingface_hub take this address for the hub's."""
    monkeypatch.setattr(constants, "ENDPOINT", endpoint)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", endpoint + "/{repo_id}/resolve/{revision}/{filename}")


def put_into_cache(cache: Path, model: str, checkpoint: Path, commit: str, ref: str | None = "main") -> Path:
    """The layout of huggingface_hub's cache, as a download leaves it."""
    folder = cache / f"models--{model.replace('/', '--')}"
    shutil.copytree(checkpoint, folder / "snapshots" / commit)
    if ref:
        (folder / "refs").mkdir(exist_ok=True)
        (folder / "refs" / ref).write_text(commit)
    return folder / "snapshots" / commit


@contextmanager
def small_hub(models: dict[str, Path]) -> Iterator[str]:
    """Serve folders as models by their ids, each with one commit; gives the endpoint's address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(with_body=True)

        def do_HEAD(self) -> None:
            self._answer(with_body=False)

        def log_message(self, format: str, *args: object) -> None:
            pass

        def _answer(self, with_body: bool) -> None:
            path = self.path.partition("?")[0].removeprefix("/api/models").lstrip("/")
            owner, name, *rest = path.split("/")
            folder = models.get(f"{owner}/{name}")
            headers = {"X-Repo-Commit": COMMIT}
            if folder is None:
                return self._send(404, b"", {"X-Error-Code": "RepoNotFound"}, with_body)
            if len(rest) > 1 and rest[1] not in ("main", COMMIT):
                return self._send(404, b"", {"X-Error-Code": "RevisionNotFound"}, with_body)
            if self.path.startswith("/api/models"):
                return self._send(200, json.dumps(_about(folder, rest)).encode(), headers, with_body)
            content = (folder / rest[2]).read_bytes()
            headers["ETag"] = f'"{hashlib.sha1(content).hexdigest()}"'
            return self._send(200, content, headers, with_body)

        def _send(self, status: int, content: bytes, headers: dict[str, str], with_body: bool) -> None:
            self.send_response(status)
            for key, value in {"Content-Length": str(len(content)), **headers}.items():
                self.send_header(key, value)
            self.end_headers()
            if with_body:
                self.wfile.write(content)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def _about(folder: Path, rest: list[str]) -> object:
    if rest[:1] == ["tree"]:
        return [
            {"type": "file", "path": path.name, "size": path.stat().st_size, "oid": "0" * 40}
            for path in sorted(folder.iterdir())
        ]
    card = {"license": "cc-by-nc-4.0"}
    return {
        "id": "model",
        "sha": COMMIT,
        "cardData": card,
        "siblings": [{"rfilename": path.name} for path in folder.iterdir()],
    }
