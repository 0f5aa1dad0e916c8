"""A server for one page and a few files, to the browser of this computer and to nobody else."""

from __future__ import annotations

import secrets
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from mriseg.report.constants import SERVER_TIMEOUT_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from socketserver import BaseServer

_ADDRESS = "127.0.0.1"
_HEADERS = {
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

Content = tuple[str, "Callable[[], bytes]"]


def serve(contents: Mapping[str, Content]) -> tuple[ThreadingHTTPServer, str]:
    """Make a server that hands out what it is given, and nothing else of the disk.

    It listens on 127.0.0.1 only, on a free port. What it hands out lies under a secret name, so that other
    users of the computer cannot guess it; requests that name another host are refused, so that no page of
    the web can reach it through a name of its own.

    Parameters
    ----------
    contents : mapping of str to tuple of str and callable
        By name: media type, and what reads the bytes when they are asked for. The name "" is the page.

    Returns
    -------
    server : ThreadingHTTPServer
        It answers once its ``serve_forever`` is called.
    address : str
        Where the page is.
    """
    secret = f"/{secrets.token_urlsafe(16)}/"
    named = {secret + name: content for name, content in contents.items()}
    server = ThreadingHTTPServer((_ADDRESS, 0), partial(_Handler, named))
    server.daemon_threads = True
    return server, f"http://{_host(server)}{secret}"


def _host(server: BaseServer) -> str:
    """Return the one name that a request may call a server by."""
    return f"{_ADDRESS}:{server.server_address[1]}"  # type: ignore[index]


def file_content(path: Path) -> Content:
    """Hand out a file as it is when it is asked for."""
    return "application/octet-stream", path.read_bytes


def text_content(text: str, kind: str) -> Content:
    """Hand out a text of a media type."""
    return f"{kind}; charset=utf-8", text.encode


class _Handler(BaseHTTPRequestHandler):
    """Answers GET and HEAD; names are compared, never looked up on the disk."""

    timeout = SERVER_TIMEOUT_SECONDS
    server_version, sys_version = "mriseg", ""

    def __init__(self, contents: Mapping[str, Content], *args: object) -> None:
        self._contents = contents
        super().__init__(*args)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        try:
            self._answer()
        except ConnectionError:
            self.close_connection = True

    do_HEAD = do_GET  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _answer(self) -> None:
        if self.headers.get("Host") != _host(self.server):
            self.send_error(HTTPStatus.MISDIRECTED_REQUEST)
            return
        content = self._contents.get(self.path)
        if content is None:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        kind, read = content
        try:
            body = read()
        except OSError:
            self.send_error(HTTPStatus.GONE)
            return
        self.send_response(HTTPStatus.OK)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **_HEADERS}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)
