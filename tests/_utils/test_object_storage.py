from __future__ import annotations

import errno
import json
import tempfile
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from cohorts import small_ball

from mriseg._utils.object_storage import object_storage, refuse_urls
from mriseg.errors import ImageError, OutputError
from mriseg.results.sidecar import read_sidecar

fsspec = pytest.importorskip("fsspec")


@pytest.fixture
def memory():
    """Object storage in memory, empty before and after."""
    files = fsspec.filesystem("memory")
    files.store.clear()
    yield files
    files.store.clear()


@pytest.fixture
def closed(memory):
    """A protocol whose objects may be neither read nor written."""

    class Closed(type(memory)):
        protocol = "closed"

        def get_file(self, *_, **__):
            raise PermissionError

        put_file = get_file

    fsspec.register_implementation("closed", Closed, clobber=True)


@pytest.fixture
def ball(tmp_path):
    """A scan that is segmented soon."""
    return small_ball(tmp_path / "sub-ball_T1w.nii.gz", 4)


def content(memory, folder):
    """The objects in a folder by their names."""
    return {Path(file).name: memory.cat(file) for file in memory.find(folder)}


def derived(scan, path, change):
    """Write an image on the grid of a scan, from its values."""
    image = nib.load(scan)
    nib.Nifti1Image(change(np.asarray(image.dataobj)), image.affine).to_filename(path)
    return path


def test_a_scan_is_fetched_and_its_results_are_put(run, ball, memory, tmp_path):
    """The bytes are those of a run on files, but for the names of the sources."""
    local = derived(ball, tmp_path / "brain.nii.gz", lambda data: (data > 0).astype(np.uint8))
    memory.put_file(str(ball), "/study/sub-ball_T1w.nii.gz")
    memory.put_file(str(local), "/masks/brain.nii.gz")
    scan = "memory://study/sub-ball_T1w.nii.gz"
    done = run("segment", scan, "-o", "memory://out/ball", "--mask", "memory://masks/brain.nii.gz")
    assert done.returncode == 0, done.stderr
    assert "14 files in memory://out/ball" in done.stdout
    assert not list(tmp_path.glob("memory*"))
    assert run("segment", ball, "-o", "local", "--mask", local).returncode == 0
    put = content(memory, "/out/ball")
    kept = {file.name: file.read_bytes() for file in (tmp_path / "local").iterdir()}
    stored, facts = (json.loads(files.pop("sub-ball_dseg.json")) for files in (put, kept))
    assert put == kept
    assert stored.pop("Sources") == [scan]
    assert stored.pop("SourcesSHA256") == {scan: facts.pop("SourcesSHA256")[ball.name]}
    assert facts.pop("Sources") == [ball.name]
    assert stored == facts


def test_a_sidecar_from_object_storage_is_read_like_any_other(run, ball, tmp_path):
    """Channels are named by their URLs, too."""
    other = derived(ball, tmp_path / "sub-ball_T2w.nii.gz", lambda data: np.where(data > 0, 140 - data, 0))
    line = ("segment", f"file://{ball}", "-o", f"file://{tmp_path}/new/out", "--no-bias", "--no-report", "-q")
    refused = run(*line, "--channel", f"file://{ball}")
    assert refused.returncode == 1
    assert f"file://{ball}: is the same scan as" in refused.stderr
    done = run(*line, "--channel", f"file://{other}")
    assert done.returncode == 0, done.stderr
    facts = read_sidecar(tmp_path / "new" / "out" / "sub-ball_dseg.json")
    assert facts["Sources"] == [f"file://{ball}", f"file://{other}"]
    assert [channel["Source"] for channel in facts["Channels"]] == [f"file://{other}"]
    assert run("summarise", "new").returncode == 0
    assert f"file://{ball}" in (tmp_path / "new" / "cohort.tsv").read_text()


def test_earlier_results_stay_unless_asked(run, ball, memory):
    memory.put_file(str(ball), "/study/sub-ball_T1w.nii.gz")
    line = ("segment", "memory://study/sub-ball_T1w.nii.gz", "-o", "memory://out", "--no-bias")
    assert run(*line).returncode == 0
    before = content(memory, "/out")
    refused = run(*line)
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    assert "memory://out/sub-ball_dseg.nii.gz and 7 more: exists already" in refused.stderr
    skipped = run(*line, "--skip-existing", "--overwrite")
    assert (skipped.returncode, skipped.stdout) == (
        0,
        "memory://out: has results of this scan already: do not trust\n",
    )
    assert run(*line, "--skip-existing", "--fail-on", "look-closely").returncode == 4
    assert content(memory, "/out") == before
    assert "sub-ball_report.html" in before
    assert run(*line, "--no-report", "--overwrite").returncode == 0
    assert content(memory, "/out").keys() == before.keys() - {"sub-ball_report.html"}
    # Without the sidecar they are not finished, as after a run that was killed; nothing of them stays.
    memory.rm_file("/out/sub-ball_dseg.json")
    for left in ("sub-ball_label-class4_probseg.nii.gz", "sub-ball_report.html", "sub-ball-2_dseg.nii.gz"):
        memory.pipe(f"/out/{left}", b"left")
    assert run(*line, "--skip-existing").returncode == 1
    assert run(*line, "--skip-existing", "--overwrite", "--no-report").returncode == 0
    kept = {"sub-ball_dseg.json", "sub-ball-2_dseg.nii.gz"}
    assert content(memory, "/out").keys() == before.keys() - {"sub-ball_report.html"} | kept


def test_results_of_another_scan_are_not_replaced(memory):
    """As on the file system: the earlier sidecar is at hand when the new ones are written."""
    for name in ("a_dseg.json", "a_report.html", "a_notes.txt", "ab_dseg.json", "a_deep/a_report.html"):
        memory.pipe(f"/out/{name}", b"{}")
    asked = ("a_", ["a_dseg.nii.gz", "a_dseg.json"], ["a_report.html"])
    with object_storage() as storage:
        local = storage.results(Path("memory://out"), *asked, overwrite=True)
        assert (local / "a_dseg.json").exists()
        assert storage.replaced == {"a_dseg.json", "a_report.html"}
    assert not local.exists()


@pytest.fixture
def buckets(memory):
    """A protocol whose buckets must be there, and which lists by the start of names; its listings."""
    listed = []

    class Buckets(type(memory)):
        protocol = "buckets"

        @classmethod
        def _strip_protocol(cls, path):
            return path.removeprefix("buckets://").strip("/")

        def find(self, path, prefix=""):
            listed.append((path, prefix))
            if not path.startswith("bucket"):
                raise FileNotFoundError(path)
            return [f"{path}/{name}" for name in ("a_dseg.json", "a_report.html", "ab.txt", "a_deep/x")]

        def get_file(self, _url, local):
            Path(local).write_text("{}")

    fsspec.register_implementation("buckets", Buckets, clobber=True)
    return listed


def test_earlier_results_are_looked_for_by_one_question(buckets):
    with object_storage() as storage:
        storage.results(Path("buckets://bucket/p1"), "a_", ["a_dseg.json"], ["a_r*"], overwrite=True)
        assert storage.replaced == {"a_dseg.json", "a_report.html"}
    assert buckets == [("bucket/p1", "a_")]


def test_a_bucket_that_is_not_there_is_noticed_before_the_work(run, ball, buckets, monkeypatch):
    monkeypatch.setattr("mriseg.pipeline.segment_scan", None)
    done = run("segment", ball, "-o", "buckets://misspelt/p1", "--skip-existing", "--overwrite")
    assert done.returncode == 1
    assert done.stderr == "mriseg: error: buckets://misspelt/p1: there is no such bucket; check the address\n"
    assert buckets == [("misspelt/p1", "sub-ball_")]


def test_users_and_passwords_of_urls_are_written_nowhere(run, ball, memory):
    """Warnings name the URLs without them."""
    store = type(memory).store
    store["/me:secret@host/sub-ball_T1w.nii.gz"] = fsspec.implementations.memory.MemoryFile(
        memory, "/me:secret@host/sub-ball_T1w.nii.gz", ball.read_bytes()
    )
    done = run("segment", "memory://me:secret@host/sub-ball_T1w.nii.gz", "-o", "memory://me:secret@host/out")
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith("mriseg: warning: memory://host/sub-ball_T1w.nii.gz: ")
    facts = json.loads(content(memory, "/me:secret@host/out")["sub-ball_dseg.json"])
    assert facts["Sources"] == ["memory://host/sub-ball_T1w.nii.gz"]
    said = done.stdout + done.stderr + json.dumps(facts)
    for line in (
        ("segment", "memory://me:secret@host/gone.nii.gz"),
        ("brain", "https://me:secret@host/a.nii.gz"),
        ("batch", "a.nii.gz", "-o", "s3://me:secret@host/out"),
        ("segment", "memory://me:secret@host/sub-ball_T1w.nii.gz", "-o", "nowhere://me:secret@host/out"),
    ):
        failed = run(*line)
        assert failed.returncode == 1
        said += failed.stderr
    assert "host/gone.nii.gz" in said
    assert "secret" not in said


def test_the_sidecar_is_put_last(memory, monkeypatch, tmp_path):
    files = [tmp_path / "out" / name for name in ("a_dseg.nii.gz", "a_dseg.json")]
    put = []
    monkeypatch.setattr(type(memory), "put_file", lambda _self, _local, url: put.append(url))
    with object_storage() as storage:
        storage.urls[tmp_path / "out"] = "memory://out"
        storage.put(files)
    assert put == ["memory://out/a_dseg.nii.gz", "memory://out/a_dseg.json"]


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("memory://study/gone.nii.gz", "is not there"),
        ("nowhere://study/a.nii.gz", "Protocol not known: nowhere"),
        ("closed://study/a.nii.gz", "access is denied"),
        ("memory://study/a.hdr", "store the scan as .nii.gz"),
        ("s3://study", "names no file"),
    ],
)
@pytest.mark.usefixtures("closed")
def test_what_cannot_be_fetched_is_one_line(run, url, said):
    done = run("segment", url)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"mriseg: error: {url}: ")
    assert said in line


@pytest.mark.usefixtures("closed")
def test_what_cannot_be_put_is_one_line(run, ball):
    done = run("segment", ball, "-o", "closed://out", "--no-report", "--no-bias", "-q")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("mriseg: error: closed://out: access is denied")


def test_a_full_temporary_folder_is_not_taken_for_the_storage(memory, monkeypatch):
    full = OSError(errno.ENOSPC, "No space left on device")
    said = rf"^{tempfile.gettempdir()}: has no room"
    with pytest.raises(OutputError, match=said), object_storage() as storage:
        folder = storage.results(Path("memory://out"), "a_", ["a_dseg.json"], overwrite=False)
        raise OutputError(f"{folder}: cannot be written") from full
    memory.pipe("/study/a.nii", b"")

    def fill(*_, **__):
        raise full

    monkeypatch.setattr(type(memory), "get_file", fill)
    with pytest.raises(OutputError, match=said), object_storage() as storage:
        storage.fetch(Path("memory://study/a.nii"))
    monkeypatch.setattr(type(memory), "put_file", fill)
    with pytest.raises(OutputError, match=r"^memory://out: cannot be reached"), object_storage() as storage:
        folder = storage.results(Path("memory://out"), "a_", ["a_dseg.json"], overwrite=False)
        storage.put([folder / "a_dseg.json"])


def test_a_missing_package_is_named(run, monkeypatch):
    def missing(*_, **__):
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr(fsspec, "url_to_fs", missing)
    done = run("segment", "s3://bucket/a.nii.gz", "-o", "s3://bucket/out")
    assert done.returncode == 1
    said = "s3://bucket/out: object storage needs a package (Install s3fs to access S3); install it by pip"
    assert said in done.stderr


def test_an_unreadable_object_is_named_by_its_url(memory):
    memory.pipe("/study/a.nii.gz", b"no image")
    with pytest.raises(ImageError, match=r"^memory://study/a.nii.gz: no$"), object_storage() as storage:
        copy = storage.fetch(Path("memory://study/a.nii.gz"))
        assert copy.read_bytes() == b"no image"
        raise ImageError(f"{copy}: no")
    assert not copy.exists()


def test_batch_says_what_takes_urls(run):
    assert (
        "s3://bucket/out: mriseg batch takes files" in run("batch", "a.nii", "-o", "s3://bucket/out").stderr
    )
    with pytest.raises(OutputError, match="takes files, not URLs"):
        refuse_urls([Path("a"), Path("s3://b/c")], "it")
