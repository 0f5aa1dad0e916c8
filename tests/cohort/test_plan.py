from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from mriseg.cohort.plan import data_sets, plan
from mriseg.errors import CohortError, ImageError, OutputError
from mriseg.images.reading import load_volume
from mriseg.options import SegmentOptions


@pytest.fixture
def study(tmp_path):
    """Files named as scans; a plan does not open them."""
    root = tmp_path / "study"
    for name in ("a/T1.nii.gz", "b/T1.nii.gz", "b/c/T1.nii", "pair.hdr", "pair.img", "notes.txt",
                 ".cache/x.nii", "a/T1_dseg.nii.gz", "a/T1_mask.nii.gz"):  # fmt: skip
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def places(jobs):
    return [job.folder for job in jobs]


def test_a_folder_is_searched_through_and_its_folders_are_kept(study):
    jobs = plan([str(study)])
    assert places(jobs) == ["a/T1", "b/T1", "b/c/T1", "pair"]
    assert [job.identifier for job in jobs] == places(jobs)
    assert all(job.scan.is_absolute() for job in jobs)


def test_data_sets_are_the_folders_with_a_description(study):
    (study / "a" / "dataset_description.json").touch()
    inputs = [str(study), str(study / "a"), f"{study}/*", str(study / "a" / "T1.nii.gz")]
    assert data_sets(inputs) == [study / "a"]


def test_results_inside_the_folder_are_no_scans(study):
    (study / "out" / "a").mkdir(parents=True)
    for name in ("desc-preproc_T1w", "desc-preproc2_T1w", "desc-preproc_FLAIR", "desc-preproc3_MRI",
                 "desc-atypicality_map", "desc-brain_mask", "dseg", "label-GM_probseg"):  # fmt: skip
        (study / "out" / "a" / f"a_{name}.nii.gz").touch()
    assert places(plan([str(study)])) == ["a/T1", "b/T1", "b/c/T1", "pair"]


def test_a_pattern_keeps_the_folders_from_its_first_wildcard_on(study):
    assert places(plan([f"{study}/*/T1.nii.gz"])) == ["a/T1", "b/T1"]
    assert places(plan([f"{study}/b/**"])) == ["T1", "c/T1"]
    assert places(plan([f"{study}/**/**/T1.nii"])) == ["b/c/T1"]
    assert places(plan([f"{study}/**/T1.nii*"])) == ["a/T1", "b/T1", "b/c/T1"]


def test_folders_behind_links_are_searched_through_and_each_once(study, tmp_path):
    (tmp_path / "other" / "d").mkdir(parents=True)
    (tmp_path / "other" / "d" / "T1.nii.gz").touch()
    (study / "link").symlink_to(tmp_path / "other")
    (study / "0").symlink_to(study / "a")
    (study / "link" / "circle").symlink_to(study)
    assert places(plan([str(study)])) == ["a/T1", "b/T1", "b/c/T1", "link/d/T1", "pair"]
    assert places(plan([f"{study}/**/T1.nii*"])) == ["a/T1", "b/T1", "b/c/T1", "link/d/T1"]


def test_a_file_with_a_bracket_in_its_name_is_no_pattern(tmp_path):
    scan = tmp_path / "scan[1].nii"
    scan.touch()
    assert places(plan([str(scan)])) == ["scan[1]"]


def test_scans_that_would_write_the_same_files_are_refused_by_name(study):
    with pytest.raises(CohortError) as caught:
        plan([str(study / "a" / "T1.nii.gz"), str(study / "b" / "T1.nii.gz")])
    assert "a/T1.nii.gz" in str(caught.value)
    assert "b/T1.nii.gz" in str(caught.value)
    (study / "x.nii").touch()
    (study / "X.nii.gz").touch()
    with pytest.raises(CohortError, match=r"X\.nii\.gz and .*x\.nii"):
        plan([str(study)])


@pytest.mark.parametrize("nothing", ["absent", "*.nii", "notes.md"])
def test_an_input_without_scans_is_refused(tmp_path, monkeypatch, nothing):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "notes.md").touch()
    with pytest.raises(CohortError, match="no scan there"):
        plan([nothing])


def test_a_scan_that_was_not_downloaded_is_planned_and_fails_by_itself(tmp_path):
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / "a.nii.gz").symlink_to("../.git/annex/objects/MD5E-s1--4d.nii.gz")
    assert places(plan([str(tmp_path / "study")])) == ["a"]


def test_a_scan_that_is_missing_fails_by_itself_and_not_the_plan(tmp_path):
    assert places(plan([str(tmp_path / "gone.nii.gz")])) == ["gone"]


def test_a_list_gives_masks_names_and_settings(tmp_path):
    table = tmp_path / "list.tsv"
    table.write_text(
        "scan\tidentifier\tmask\tcontrast\tclasses\tbias\n"
        "a/T1.nii\tpatients/one\tm.nii\t\tn/a\tno\n"
        "/data/b.nii.gz\t\t\tt2\t4\tyes\n"
    )
    first, second = plan([str(table)], SegmentOptions(spatial=False))
    assert (first.scan, first.folder) == (tmp_path / "a/T1.nii", "patients/one")
    assert first.options == SegmentOptions(spatial=False, mask=tmp_path / "m.nii", bias=False)
    assert (str(second.scan), second.folder) == ("/data/b.nii.gz", "b")
    assert second.options == SegmentOptions(contrast="t2", spatial=False, classes=4)


def test_a_list_gives_channels_lesions_and_saved_fits(tmp_path):
    table = tmp_path / "list.tsv"
    table.write_text(
        "scan\tchannels\tlesion_mask\twarm_start\tfix_means\tcovariance\tclasses\tmerge\n"
        "a/T1.nii\tT2.nii | /data/FLAIR.nii\tles.nii\told_dseg.json\tyes\t\t\t\n"
        "b.nii\tT2.nii\t\t\t\tEEE\tauto\tyes\n"
    )
    first, second = plan([str(table)])
    assert first.options == SegmentOptions(
        channels=(tmp_path / "T2.nii", Path("/data/FLAIR.nii")),
        lesion_mask=tmp_path / "les.nii",
        warm_start=tmp_path / "old_dseg.json",
        fix_means=True,
    )
    assert second.options == SegmentOptions(
        channels=(tmp_path / "T2.nii",), covariance="EEE", classes="auto", merge=True
    )


@pytest.mark.parametrize("text", ["scan,mask\na.nii,m.nii\n", "scan;mask\na.nii;m.nii\n"])
def test_a_list_may_be_separated_by_commas_or_semicolons(tmp_path, text):
    table = tmp_path / "list.csv"
    table.write_text(text, encoding="utf-8-sig")
    (job,) = plan([str(table)])
    assert job.options == SegmentOptions(mask=tmp_path / "m.nii")


@pytest.mark.parametrize("escape", ["../x", "/etc/x", "a/../../x", "a//b", ".", "..", "a/.hidden", "a\\..\\b",
                                    "c:x", "a\x1bb"])  # fmt: skip
def test_an_identifier_stays_within_the_output_folder(tmp_path, escape):
    table = tmp_path / "list.tsv"
    table.write_text(f"scan\tidentifier\na.nii\t{escape}\n")
    with pytest.raises(CohortError, match=r"list\.tsv: line 2: identifier .* names no folder within"):
        plan([str(table)])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("name\na.nii\n", "no column 'scan'"),
        (
            "scan\tcolour\na.nii\tred\n",
            "unknown column 'colour'; columns are scan, identifier, channels, mask",
        ),
        ("scan\n", "a header and at least one row"),
        ("scan\ns3://study/a.nii\n", "line 2: s3://study/a.nii: mriseg batch takes files, not URLs"),
        ("scan\tclasses\na.nii\t3\n\t2\n", "line 3: no scan"),
        ("scan\tclasses\na.nii\tmany\n", "line 2: classes is 'many'; it must be from 2 to 10, or auto"),
        ("scan\tclasses\na.nii\t-3\n", "line 2: classes is '-3'; it must be from 2 to 10, or auto"),
        ("scan\tcovariance\na.nii\tW\n", "line 2: no covariance model 'W' in 1 dimension(s)"),
        ("scan\tcovariance\tchannels\na.nii\tV\tb.nii\n", "line 2: no covariance model 'V' in 2 dim"),
        ("scan\tclasses\tmerge\na.nii\t3\tyes\n", "line 2: 3 classes cannot be merged"),
        ("scan\tfix_means\na.nii\tyes\n", "line 2: means can be fixed at those of a saved fit only"),
        ("scan\tclasses\tlesion_mask\na.nii\t8\tl.nii\n", "line 2: lesions have the label 7"),
        ("scan\tclasses\na.nii\t99\n", "line 2: classes is 99"),
        ("scan\tcontrast\na.nii\tt9\n", "line 2: contrast is 't9'"),
        ("scan\tbias\na.nii\tmaybe\n", "line 2: bias is 'maybe'; it must be yes or no"),
        ("scan\tmask\tstripped\na.nii\tm.nii\tyes\n", "line 2: give a mask or say that the scan is stripped"),
    ],
)
def test_a_wrong_list_is_refused_with_its_line(tmp_path, text, says):
    table = tmp_path / "list.tsv"
    table.write_text(text)
    with pytest.raises(CohortError) as caught:
        plan([str(table)])
    assert str(caught.value).startswith(f"{table}: ")
    assert says in str(caught.value)


@pytest.fixture
def closed(monkeypatch):
    """Close folders of a name to this process: tests may run as root, who may read all."""
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path).name != "closed" and access(path, mode))


@pytest.mark.usefixtures("closed")
def test_a_folder_that_may_not_be_read_fails_by_itself(study):
    (study / "closed").mkdir()
    jobs = plan([str(study)])
    assert places(jobs) == ["a/T1", "b/T1", "b/c/T1", "closed", "pair"]
    with pytest.raises(ImageError, match=r"closed: cannot be read \(Permission denied\)"):
        load_volume(jobs[3].scan)
    with pytest.raises(CohortError, match=r"closed: cannot be read \(Permission denied\)"):
        plan([str(study / "closed")])


def test_a_data_set_without_its_reader_is_refused_with_the_command_that_installs_it(tmp_path, monkeypatch):
    (tmp_path / "dataset_description.json").write_text('{"Name": "made", "BIDSVersion": "1.8.0"}')
    monkeypatch.setitem(sys.modules, "ancpbids.pybids_compat", None)
    with pytest.raises(CohortError, match="pip install ancpbids"):
        plan([str(tmp_path)])


def test_two_scans_of_one_identifier_are_refused(tmp_path):
    (tmp_path / "list.csv").write_text("scan,identifier\na_T1w.nii.gz,x\nb_T1w.nii.gz,X\n")
    with pytest.raises(CohortError, match="x: is the identifier of several scans"):
        plan([str(tmp_path / "list.csv")])


def test_a_data_set_keeps_subjects_sessions_and_runs(tmp_path):
    for name in (
        "sub-01/ses-a/anat/sub-01_ses-a_run-1_T1w.nii.gz", "sub-01/ses-a/anat/sub-01_ses-a_run-2_T1w.nii.gz",
        "sub-01/ses-a/anat/sub-01_ses-a_T2w.nii.gz", "sub-01/ses-b/anat/sub-01_ses-b_T1w.nii",
        "sub-02/anat/sub-02_T1w.nii.gz", "sub-02/anat/sub-02_T1w.json",
        "sub-02/anat/sub-02_desc-preproc_T1w.nii.gz",
        "derivatives/x/sub-01/anat/sub-01_desc-y_T1w.nii.gz", "sourcedata/sub-09/anat/sub-09_T1w.nii.gz",
    ):  # fmt: skip
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "dataset_description.json").write_text('{"Name": "made", "BIDSVersion": "1.8.0"}')
    jobs = plan([str(tmp_path)])
    assert [(job.folder, job.identifier) for job in jobs] == [
        ("sub-01/ses-a/anat", "sub-01_ses-a_run-1"),
        ("sub-01/ses-a/anat", "sub-01_ses-a_run-2"),
        ("sub-01/ses-b/anat", "sub-01_ses-b"),
        ("sub-02/anat", "sub-02"),
    ]


@pytest.mark.parametrize("name", ["cohort.tsv", "Cohort_Report.html", "failures.tsv", "logs", "logs/a"])
def test_an_identifier_is_no_file_of_the_cohort(tmp_path, name):
    table = tmp_path / "list.tsv"
    table.write_text(f"scan\tidentifier\na.nii\t{name}\n")
    with pytest.raises(CohortError, match="is the name of a file or folder of the cohort"):
        plan([str(table)])


def test_an_identifier_that_no_file_system_takes_is_refused(tmp_path):
    table = tmp_path / "list.tsv"
    table.write_text(f"scan\tidentifier\na.nii\t{'é' * 150}\n")
    with pytest.raises(CohortError, match="too long for the name of a folder"):
        plan([str(table)])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("scan,identifier\na.nii,a,mask.nii\n", "line 2: 3 cells, and the header has 2"),
        ("scan,mask,mask\na.nii,m.nii,\n", "two columns are named 'mask'"),
    ],
)
def test_no_cell_of_a_list_is_dropped_silently(tmp_path, text, says):
    table = tmp_path / "list.csv"
    table.write_text(text)
    with pytest.raises(CohortError, match=says):
        plan([str(table)])


def test_a_list_of_paths_is_read_whatever_it_was_written_by(tmp_path):
    """Odd names stop no other scan; results stay within the output folder."""
    table = tmp_path / "scans.txt"
    lines = (
        "p1/T1.nii.gz",
        "",
        "p2/T1.nii.gz\r",
        '/data/x "q":*\x85/sub-1_T1w.nii',
        "../../up/../b.nii",
        "p1/T1.nii.gz",
        "no scan",
    )
    table.write_bytes("\n".join(lines).encode() + b"\nbad\xff.nii")
    jobs = plan([str(table)], SegmentOptions(bias=False))
    assert places(jobs) == ["p1/T1", "p2/T1", 'data/x "q":*\x85/sub-1', "b", "no scan", "bad\udcff"]
    assert jobs[0].scan == tmp_path / "p1" / "T1.nii.gz"
    assert str(jobs[2].scan) == '/data/x "q":*\x85/sub-1_T1w.nii'
    assert not any(job.options.bias for job in jobs)


@pytest.mark.parametrize(
    ("text", "says"),
    [("\n \n", "names no scan"), ("a.nii\ns3://b/c.nii", "s3://b/c.nii: mriseg batch takes files")],
)
def test_a_list_without_paths_is_refused(tmp_path, text, says):
    (tmp_path / "scans.txt").write_text(text)
    with pytest.raises((CohortError, OutputError), match=says):
        plan([str(tmp_path / "scans.txt")])
    with pytest.raises(CohortError, match="cannot be read as a list of scans"):
        plan([str(tmp_path / "gone.txt")])


def test_empty_lines_and_cells_change_nothing(tmp_path):
    table = tmp_path / "list.csv"
    table.write_text("\n\nscan;mask;contrast;channels\n\na.nii;N/A;;b.nii|\na2.nii\n")
    first, second = plan([str(table)], SegmentOptions(contrast="t2"))
    assert first.options == SegmentOptions(contrast="t2", channels=tmp_path / "b.nii")
    assert second.options == SegmentOptions(contrast="t2")
