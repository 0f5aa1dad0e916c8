"""`mriseg.interfaces.Segment` in the place of FSL FAST: its files one for one, and sMRIPrep's workflow."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

import mriseg

# What FAST writes for -g -p on sub-ball_T1w, by its documentation, but for the type of mixture of each voxel.
FILES = {
    "tissue_class_map": "sub-ball_T1w_seg.nii.gz",
    "tissue_class_files": [f"sub-ball_T1w_seg_{number}.nii.gz" for number in range(3)],
    "partial_volume_map": "sub-ball_T1w_pveseg.nii.gz",
    "partial_volume_files": [f"sub-ball_T1w_pve_{number}.nii.gz" for number in range(3)],
    "probability_maps": [f"sub-ball_T1w_prob_{number}.nii.gz" for number in range(3)],
}
# As sMRIPrep asks for them.
FAST_INPUTS = {"segments": True, "no_bias": True, "probability_maps": True, "bias_iters": 0}

pytestmark = [
    # Of the libraries, on import and on running a node.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::PendingDeprecationWarning"),
]


@pytest.fixture(scope="module")
def interfaces():
    """The module, with nipype told not to ask its server for a newer version."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NO_ET", "1")
        pytest.importorskip("nipype", reason="nipype is not installed")
        from mriseg import interfaces

        yield interfaces


@pytest.fixture(scope="module")
def done(interfaces, tmp_path_factory, ball_result):
    """The outputs of FAST's call on the ball, which is stripped."""
    segment = interfaces.Segment(in_files=str(ball_result.volume.path), **FAST_INPUTS)
    return segment.run(cwd=str(tmp_path_factory.mktemp("node"))).outputs


def voxels(path):
    return np.asarray(nib.load(path).dataobj)


def as_list(value):
    return value if isinstance(value, list) else [value]


def as_names(value):
    return [Path(one).name for one in value] if isinstance(value, list) else Path(value).name


def test_outputs_have_fasts_names_and_exist(done):
    assert {name: as_names(getattr(done, name)) for name in FILES} == FILES
    for name in FILES:
        assert all(Path(path).is_file() for path in as_list(getattr(done, name)))


def test_all_files_lie_on_the_grid_of_the_scan(done, ball_result):
    scan = nib.load(ball_result.volume.path)
    for name in FILES:
        for path in as_list(getattr(done, name)):
            image = nib.load(path)
            assert image.shape == scan.shape
            np.testing.assert_array_equal(image.affine, scan.affine)


def test_labels_are_csf_gm_wm_and_their_headers_say_nothing(done, ball_labels):
    """Programs renumber them and keep the header."""
    truth = np.array([0, 2, 3, 1])[ball_labels]
    for path in (done.tissue_class_map, done.partial_volume_map):
        labels = voxels(path)
        assert labels.dtype == np.uint8
        assert np.mean(labels[truth > 0] == truth[truth > 0]) > 0.85  # noise; any other order is below .6
        assert ((labels > 0) == (truth > 0)).all()
        assert nib.load(path).header["intent_name"].item() == b""


def test_shares_are_those_of_the_labels_and_sum_to_one_in_the_brain(done):
    shares = np.stack([voxels(path) for path in done.partial_volume_files])
    labels = voxels(done.partial_volume_map)
    assert shares.dtype == np.float32
    assert shares.min() >= 0
    np.testing.assert_allclose(shares.sum(axis=0), labels > 0, atol=1e-5)
    np.testing.assert_array_equal(np.where(labels > 0, shares.argmax(axis=0) + 1, 0), labels)
    np.testing.assert_array_equal(shares, np.stack([voxels(path) for path in done.probability_maps]))


def test_segments_are_binary_images_of_the_labels(done):
    labels = voxels(done.tissue_class_map)
    for number, path in enumerate(done.tissue_class_files, start=1):
        np.testing.assert_array_equal(voxels(path), (labels == number).astype(np.uint8))


def test_the_command_is_ours_and_takes_what_fast_was_asked(interfaces, done, ball):
    command = interfaces.Segment(in_files=[str(ball), str(ball)], img_type=2, **FAST_INPUTS).cmdline
    assert " -m mriseg segment " in command
    assert f" {ball} --channel {ball} " in command
    assert " --contrast t2 " in command
    assert command.count("--no-bias") == 1
    assert interfaces.Segment().version == mriseg.__version__
    settings = json.loads(Path(done.sidecar).read_text(encoding="utf-8"))["Settings"]
    assert (settings["Bias"], settings["Stripped"]) == (False, True)


def test_what_was_not_asked_for_is_not_there_and_names_can_be_given(interfaces, ball, tmp_path):
    made = interfaces.Segment(in_files=str(ball), out_basename="mine").run(cwd=str(tmp_path)).outputs
    assert as_names(made.partial_volume_map) == "mine_pveseg.nii.gz"
    names = {path.name for path in tmp_path.glob("mine_*.nii.gz")}
    assert names == {"mine_seg.nii.gz", "mine_pveseg.nii.gz", *(f"mine_pve_{k}.nii.gz" for k in range(3))}


def test_a_failure_is_that_of_the_command(interfaces, ball, tmp_path):
    with pytest.raises(RuntimeError, match="Return code: 4"):
        interfaces.Segment(in_files=str(ball), fail_on="look-closely").run(cwd=str(tmp_path))


def test_smripreps_workflow_takes_it_in_the_place_of_fast(
    interfaces, done, ball_result, tmp_path, monkeypatch
):
    """Its own nodes and connections, built with the class exchanged; those behind FAST are run."""
    anatomical = pytest.importorskip("smriprep.workflows.anatomical", reason="smriprep is not installed")
    from niworkflows.utils.spaces import Reference, SpatialReferences

    monkeypatch.setattr(anatomical, "FAST", interfaces.Segment)
    workflow = anatomical.init_anat_fit_wf(
        bids_root=str(tmp_path), output_dir=str(tmp_path / "out"), freesurfer=False, hires=False,
        longitudinal=False, msm_sulc=False, t1w=[str(ball_result.volume.path)], t2w=[],
        skull_strip_mode="skip", skull_strip_template=Reference("OASIS30ANTs"), spaces=SpatialReferences(),
        precomputed={}, omp_nthreads=1,
    )  # fmt: skip
    node = workflow.get_node("fast")
    assert isinstance(node.interface, interfaces.Segment)
    assert {name: getattr(node.inputs, name) for name in FAST_INPUTS} == FAST_INPUTS
    monkeypatch.chdir(tmp_path)
    to_bids, renumber = workflow.get_node("fast2bids").interface, workflow.get_node("lut_t1w_dseg").interface
    to_bids.inputs.inlist = done.partial_volume_files
    maps = to_bids.run().outputs.out
    renumber.inputs.in_dseg = done.partial_volume_map
    labels = voxels(renumber.run().outputs.out)
    plain = mriseg.segment(ball_result.volume.path, stripped=True, bias=False)
    np.testing.assert_array_equal(labels, plain.labels)
    for path, name in zip(maps, ("GM", "WM", "CSF"), strict=True):
        np.testing.assert_array_equal(voxels(path), plain.posteriors[name])


def test_a_real_brain_has_its_tissues_where_fast_has_them(interfaces, scans, tmp_path):
    scan = scans / "bids" / "sub-ibsr09" / "anat" / "sub-ibsr09_T1w.nii.gz"
    made = interfaces.Segment(in_files=str(scan), **FAST_INPUTS).run(cwd=str(tmp_path)).outputs
    truth = scans / "truth" / "sub-ibsr09" / "sub-ibsr09_dseg.nii.gz"
    found = mriseg.evaluate(made.partial_volume_map, truth, label_numbers={1: 3, 2: 1, 3: 2}, inside=True)
    # .849 and .891: the bias field of the scan is left in, as FAST was asked to.
    assert found["GM"].dice > 0.84
    assert found["WM"].dice > 0.88
