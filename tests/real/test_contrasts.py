"""Contrasts, channels and lesions on real scans, and on heads simulated from real ones."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest
from heads import dice, simulated_head
from sweeps import mostly

import mriseg
from mriseg.images.reading import load_map, load_volume
from mriseg.template.contrast import detect_contrast

T1 = ["elder05", "ibsr16", "pumi", "xa30"]
# Contrasts, and one under which their tissues would have other names.
WRONG = {"t2": "t1", "pd": "flair", "flair": "t1", "t1-infant": "t1"}


@pytest.mark.parametrize("name", mostly(T1, "ibsr16", "xa30"))
def test_every_real_t1_is_seen_to_be_one(scans, name):
    scan = load_volume(scans / "bids" / f"sub-{name}" / "anat" / f"sub-{name}_T1w.nii.gz")
    assert detect_contrast(scan)[0] == "t1"


@pytest.mark.parametrize(("kind", "contrast"), [("T1w", "t1"), ("T2w", "t2"), ("FLAIR", "flair")])
def test_the_scans_of_a_patient_are_told_apart(scans, kind, contrast):
    assert detect_contrast(load_volume(scans / "channels" / f"ms19_{kind}.nii.gz"))[0] == contrast


@pytest.mark.slow
@pytest.mark.parametrize("contrast", list(WRONG))
def test_a_simulated_head_is_segmented_and_under_another_contrast_flagged_or_the_same(scans, contrast):
    model = scans / "phantom_models" / "head_labels_05.nii.gz"
    head, truth = simulated_head(model, contrast, scale=0.68 if contrast == "t1-infant" else 1.0)
    right = mriseg.segment(head, contrast=contrast)
    assert right.verdict == "trust", right.warnings
    for label in (1, 2):
        # In proton density, noise hides the field from the mixture; white matter alone would tell it.
        assert dice(right.labels == label, truth == label) > {"t2": 0.85, "pd": 0.69}.get(contrast, 0.78)
    if contrast != "t1-infant":
        # The order of GM and WM in FLAIR is found later, by place.
        assert detect_contrast(head)[0] in {"pd": {"t2"}, "flair": {"flair", "t1"}}.get(contrast, {contrast})
    try:
        result = mriseg.segment(head, contrast=WRONG[contrast])
    except mriseg.MrisegError:
        return
    if result.verdict != "do not trust":  # the tissues are named by place, and right
        for label in (1, 2):
            assert dice(result.labels == label, right.labels == label) > 0.95


@pytest.mark.slow
def test_without_the_template_white_matter_tells_the_field_in_proton_density(scans):
    head, truth = simulated_head(scans / "phantom_models" / "head_labels_05.nii.gz", "pd")
    result = mriseg.segment(head, contrast="pd", priors=False)
    assert all(dice(result.labels == label, truth == label) > 0.8 for label in (1, 2, 3))


def test_a_real_t2_called_t1_is_not_to_be_trusted(scans):
    result = mriseg.segment(scans / "channels" / "ms19_T2w.nii.gz", contrast="t1")
    assert result.verdict == "do not trust"
    assert any("ventricles are brighter" in warning.text for warning in result.warnings)


def _changed(scans, folder, name, change):
    """Segment a scan in T1 and the same with its intensities changed; return both results."""
    path = scans / "bids" / f"sub-{name}" / "anat" / f"sub-{name}_T1w.nii.gz"
    image = nib.load(path)
    data = change(np.asarray(image.dataobj, dtype=np.float32))
    nib.save(nib.Nifti1Image(data, image.affine), folder / "changed_T1w.nii.gz")
    return mriseg.segment(path), mriseg.segment(folder / "changed_T1w.nii.gz")


@pytest.mark.parametrize("name", mostly(["elder04", "xa30"], "xa30"))
def test_an_inverted_scan_has_the_volumes_of_the_scan(scans, tmp_path, name):
    """But for its brain mask, which is found without the edge of the brain."""
    plain, inverted = _changed(scans, tmp_path, name, lambda data: data.max() - data)
    for tissue, tolerance in {"CSF": 0.12, "GM": 0.03, "WM": 0.03}.items():
        assert inverted.volumes[tissue].ml == pytest.approx(plain.volumes[tissue].ml, rel=tolerance)


@pytest.mark.parametrize("name", mostly(["elder04", "xa30"], "xa30"))
def test_the_logarithm_of_a_scan_is_to_be_looked_at(scans, tmp_path, name):
    plain, changed = _changed(scans, tmp_path, name, np.log1p)
    assert plain.verdict == "trust", plain.warnings
    assert "intensities-not-linear" in {doubt.code for doubt in changed.warnings}


def _dice_inside(result, truth_file):
    """The Dice of GM and of WM where the truth has a tissue."""
    truth = result.volume.to_scan_grid(load_map(truth_file).data)
    return [dice((result.labels == label) & (truth > 0), truth == label) for label in (1, 2)]


@pytest.mark.parametrize("name", mostly([f"elder0{i}" for i in range(1, 7)], "elder02"))
def test_flair_is_segmented_without_its_contrast_being_stated(scans, name):
    folder = scans / "contrasts" / name
    result = mriseg.segment(folder / "FLAIR.nii.gz", mask=folder / "mask.nii.gz")
    grey, white = _dice_inside(result, folder / "dseg.nii.gz")
    assert grey >= 0.66
    assert white >= 0.63


@pytest.mark.parametrize("name", mostly([f"infant{i}" for i in range(11, 15)], "infant12"))
def test_t2_of_infants_is_segmented_without_its_contrast_being_stated(scans, name):
    folder = scans / "contrasts" / name
    result = mriseg.segment(folder / "T2w.nii.gz")
    assert result.contrast == "t2-infant"
    grey, white = _dice_inside(result, folder / "dseg.nii.gz")
    assert grey >= 0.79
    assert white >= 0.73


@pytest.fixture(scope="module")
def patient(scans):
    folder = scans / "channels"
    lesions = load_volume(folder / "ms19_T1w.nii.gz").to_scan_grid(
        load_map(folder / "ms19_label-lesion_mask.nii.gz").data > 0
    )
    return folder, lesions


@pytest.mark.slow
def test_channels_agree_with_t1_outside_lesions_and_show_these(patient):
    folder, lesions = patient
    alone = mriseg.segment(folder / "ms19_T1w.nii.gz")
    channels = [folder / f"ms19_{kind}.nii.gz" for kind in ("T2w", "FLAIR")]
    result = mriseg.segment(folder / "ms19_T1w.nii.gz", channels=channels)
    for label in (1, 2, 3):
        assert dice((result.labels == label) & ~lesions, (alone.labels == label) & ~lesions) > 0.85
    assert dice(result.atypicality > 3, lesions) > 0.25


def test_lesions_are_found_where_experts_see_them_and_are_no_fault(patient):
    folder, lesions = patient
    flair = folder / "ms19_FLAIR.nii.gz"
    result = mriseg.segment(folder / "ms19_T1w.nii.gz", channels=[flair], lesions="own")
    assert dice(result.labels == 7, lesions) > 0.78
    assert result.volumes["L"].ml == pytest.approx(38, abs=5)
    assert result.verdict != "do not trust"  # the holes that lesions leave are no border of the brain


def test_lesions_that_are_given_are_no_tissue(patient):
    folder, lesions = patient
    mask = folder / "ms19_label-lesion_mask.nii.gz"
    result = mriseg.segment(folder / "ms19_T1w.nii.gz", lesion_mask=mask)
    np.testing.assert_array_equal(result.labels == 7, lesions)
    assert result.volumes["L"].ml == pytest.approx(lesions.sum() * result.volume.voxel_ml)
    assert not sum(posterior[lesions].sum() for posterior in result.posteriors.values())


@pytest.mark.slow
def test_two_noisy_channels_are_better_than_one(scans, tmp_path):
    import nibabel as nib

    from mriseg.evaluation.phantom import simulate
    from mriseg.labels.contrasts import CONTRASTS

    model = load_map(scans / "phantom_models" / "brainweb_crisp.nii.gz")
    labels = np.rint(model.data).astype(int)
    for seed, contrast in enumerate(("t1", "t2")):
        made = simulate(labels, model.canonical_affine, tissues={1: 3, 2: 1, 8: 1, 3: 2}, noise=9, seed=seed,
                        intensities=CONTRASTS[contrast].phantom_intensities)  # fmt: skip
        nib.Nifti1Image(made.data, made.affine).to_filename(tmp_path / f"a_{contrast.upper()}w.nii.gz")
    scan, channel = tmp_path / "a_T1w.nii.gz", tmp_path / "a_T2w.nii.gz"
    one, two = mriseg.segment(scan), mriseg.segment(scan, channels=[channel])
    for label in (1, 2, 3):
        gain = dice(two.labels == label, made.labels == label) - dice(
            one.labels == label, made.labels == label
        )
        # Half of the log-likelihood of the second channel counts: with all of it, real heads are worse.
        assert gain >= 0.008
