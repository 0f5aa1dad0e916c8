from __future__ import annotations

import http.client
import threading
from urllib.parse import urlsplit

import pytest

from mriseg.report.server import file_content, serve, text_content


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """Ask a server of one page and one file; return status, headers and body."""
    folder = tmp_path_factory.mktemp("served")
    (folder / "scan.nii.gz").write_bytes(b"voxels")
    (folder / "secret.txt").write_bytes(b"secret")
    server, address = serve(
        {"": text_content("<p>page</p>", "text/html"), "0.nii.gz": file_content(folder / "scan.nii.gz")}
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    parts = urlsplit(address)

    def ask(path=parts.path, method="GET", host=parts.netloc):
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=10)
        connection.putrequest(method, path, skip_host=True)
        if host is not None:
            connection.putheader("Host", host)
        connection.endheaders()
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        return answer.status, dict(answer.getheaders()), body

    yield ask, parts, server
    server.shutdown()
    server.server_close()


def test_the_page_and_the_named_files_are_served(served):
    ask, parts, _ = served
    assert ask()[::2] == (200, b"<p>page</p>")
    assert ask(parts.path + "0.nii.gz")[::2] == (200, b"voxels")
    status, headers, body = ask(method="HEAD")
    assert (status, body) == (200, b"")
    assert not any(name.lower().startswith("access-control") for name in headers)
    assert headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "rest",
    ["scan.nii.gz", "secret.txt", "../secret.txt", "..%2fsecret.txt", "1", "0.nii.gz/", "//etc/passwd"],
)
def test_nothing_else_is_served(served, rest):
    ask, parts, _ = served
    assert ask(parts.path + rest)[0] == 404
    assert ask("/" + rest)[0] == 404


def test_without_the_secret_there_is_nothing(served):
    ask, parts, _ = served
    assert len(parts.path) > 20
    assert ask("/")[0] == 404
    assert ask("/0.nii.gz")[0] == 404


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1", "localhost:1", None, "127.0.0.1:80@evil.example"]
)
def test_another_host_name_is_refused(served, host):
    ask, *_ = served
    status, _, body = ask(host=host)
    assert status == 421
    assert b"page" not in body


def test_it_listens_to_this_computer_only(served):
    _, parts, server = served
    assert server.server_address[0] == parts.hostname == "127.0.0.1"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_it_only_reads(served, method):
    ask, *_ = served
    assert ask(method=method)[0] == 501
