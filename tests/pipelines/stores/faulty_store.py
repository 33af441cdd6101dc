"""An S3 server on loopback (moto) behind a proxy that counts bytes, and spoils every n-th answer as it is told."""

from __future__ import annotations

import http.client
import logging
import os
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import fsspec
import s3fs
from moto.server import ThreadedMotoServer

logging.getLogger("werkzeug").setLevel(logging.ERROR)

BUCKET = "bucket"
FAULTS = ("none", "500", "cut", "slow", "stalled", "down")
_ERROR = b"<?xml version='1.0'?><Error><Code>InternalError</Code><Message>We encountered an error</Message></Error>"
_NOT_FORWARDED = ("connection", "transfer-encoding", "content-length", "server", "date")
READ_TIMEOUT_S = 2
STALL_S = 4
SLOW_S = 0.1


@dataclass
class FaultyStore:
    """Where the server is, what is wrong with it, and what has passed through it.

    Attributes:
        fault: one of FAULTS, or several in one text. 500: every 5th request is refused; cut: every 5th content breaks
            off half-way, and its connection; slow: every answer is 0.1 s late; stalled: every 20th comes after the
            client's patience has ended; down: connections are closed without an answer. "race", which is none of them:
            an upload of a lock waits for a second one.
        requests: number by method.
        bytes_down, bytes_up: of contents.
    """

    url: str
    fault: str = "none"
    requests: Counter[str] = field(default_factory=Counter)
    bytes_down: int = 0
    bytes_up: int = 0
    race: threading.Barrier = field(default_factory=lambda: threading.Barrier(2, timeout=60))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def reset(self, fault: str = "none") -> None:
        """Count from zero, and fail in another way."""
        self.fault, self.requests, self.bytes_down, self.bytes_up = fault, Counter(), 0, 0
        os.environ["AWS_MAX_ATTEMPTS"] = "2" if fault == "down" else "5"  # botocore's own number is 5
        s3fs.S3FileSystem.clear_instance_cache()

    def count(self, method: str, up: int) -> int:
        """Count a request; returns its number."""
        with self._lock:
            self.requests[method] += 1
            self.bytes_up += up
            return self.requests.total()

    def count_down(self, sent: int) -> None:
        """Count a content that was sent."""
        with self._lock:
            self.bytes_down += sent


@contextmanager
def faulty_store() -> Iterator[FaultyStore]:
    """A store with an empty bucket; within the block the environment leads s3:// there."""
    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto.start()
    proxy = _Server(("127.0.0.1", 0), _Proxy)
    proxy.upstream = moto.get_host_and_port()
    proxy.store = FaultyStore(f"http://127.0.0.1:{proxy.server_port}")
    threading.Thread(target=proxy.serve_forever, daemon=True).start()
    before = dict(os.environ)
    os.environ |= {
        "AWS_ENDPOINT_URL": proxy.store.url,
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    fsspec.config.conf["s3"] = {"config_kwargs": {"read_timeout": READ_TIMEOUT_S, "connect_timeout": READ_TIMEOUT_S}}
    s3fs.S3FileSystem.clear_instance_cache()
    try:
        s3fs.S3FileSystem().mkdir(BUCKET)
        yield proxy.store
    finally:
        os.environ.clear()
        os.environ |= before
        fsspec.config.conf.pop("s3")
        s3fs.S3FileSystem.clear_instance_cache()
        proxy.shutdown()
        proxy.server_close()
        moto.stop()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    upstream: tuple[str, int]
    store: FaultyStore

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing: a client that has lost its patience hangs up."""


class _Proxy(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Any

    def _pass(self) -> None:
        store: FaultyStore = self.server.store
        if store.fault == "down":
            self._hang_up()
            return
        content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        number = store.count(self.command, len(content))
        if "slow" in store.fault:
            time.sleep(SLOW_S)
        if store.fault == "stalled" and number % 20 == 0:
            time.sleep(STALL_S)
        if "500" in store.fault and number % 5 == 0:
            self._answer(500, {"Content-Type": "application/xml"}, _ERROR)
            return
        if store.fault == "race" and self.command == "PUT" and "run.lock" in self.path:
            time.sleep(0.5 * store.race.wait())  # moto looks, then writes: one after the other
        upstream = http.client.HTTPConnection(*self.server.upstream)
        upstream.request(self.command, self.path, content, dict(self.headers))
        with upstream.getresponse() as response:
            answer = response.read()
            headers = {name: value for name, value in response.getheaders() if name.lower() not in _NOT_FORWARDED}
            size = response.getheader("Content-Length") if self.command == "HEAD" else str(len(answer))
        upstream.close()
        is_cut = "cut" in store.fault and number % 5 == 2 and self.command == "GET" and len(answer) > 1
        sent = answer[: len(answer) // 2] if is_cut else answer
        self._answer(response.status, headers | {"Content-Length": size or "0"}, sent)
        store.count_down(len(sent))
        if is_cut:
            self._hang_up()

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _pass

    def _answer(self, status: int, headers: dict[str, str], content: bytes) -> None:
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(content))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _hang_up(self) -> None:
        self.close_connection = True
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing: the log of a server is noise in a test's output."""
