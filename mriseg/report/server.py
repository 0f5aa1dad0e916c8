"""Local HTTP server for one page and a few files, restricted to the browser of this computer."""

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
    """Create a server of given contents, without access to other files.

    The server is bound to 127.0.0.1 and a free port. Its paths begin with a random token, so that other users
    of the computer cannot guess them; requests with another Host header are refused, against DNS rebinding.

    Parameters
    ----------
    contents : mapping of str to tuple of str and callable
        Media type and function that reads the bytes, by name. The name "" is the page.

    Returns
    -------
    server : ThreadingHTTPServer
        Serves requests once its ``serve_forever`` is called.
    address : str
        URL of the page.
    """
    secret = f"/{secrets.token_urlsafe(16)}/"
    named = {secret + name: content for name, content in contents.items()}
    server = ThreadingHTTPServer((_ADDRESS, 0), partial(_Handler, named))
    server.daemon_threads = True
    return server, f"http://{_host(server)}{secret}"


def _host(server: BaseServer) -> str:
    """Return the only accepted Host header."""
    return f"{_ADDRESS}:{server.server_address[1]}"  # type: ignore[index]


def file_content(path: Path) -> Content:
    """Serve a file, read at each request."""
    return "application/octet-stream", path.read_bytes


def text_content(text: str, kind: str) -> Content:
    """Serve a text of a media type."""
    return f"{kind}; charset=utf-8", text.encode


class _Handler(BaseHTTPRequestHandler):
    """Handler of GET and HEAD; paths are compared with names, never resolved on the disk."""

    timeout = SERVER_TIMEOUT_SECONDS
    server_version, sys_version = "mriseg", ""

    def __init__(self, contents: Mapping[str, Content], *args: object) -> None:
        self._contents = contents
        super().__init__(*args)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        """Respond to a request; a closed connection ends it."""
        try:
            self._respond()
        except ConnectionError:
            self.close_connection = True

    do_HEAD = do_GET  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Log nothing."""

    def _respond(self) -> None:
        """Send the content of the path, or an error."""
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
