"""Tissue labels of real scans against truth, and that nothing about storage changes them."""

from __future__ import annotations

from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest
from real_scans import ELDERLY, array_of, scan_of, truth_of

import mriseg
from mriseg.evaluation.metrics import calibration_error, dice
from mriseg.evaluation.phantom import simulate
from mriseg.images.reading import load_map

LABELS = {"CSF": 3, "GM": 1, "WM": 2}
# Numbers in the labels of structures, and the tissue that they are.
STRUCTURES = {
    "caudate": (2, "GM"),
    "pallidum": (3, "GM"),
    "putamen": (4, "GM"),
    "thalamus": (5, "GM"),
    "hippocampus": (7, "GM"),
    "cerebellar WM": (9, "WM"),
    "brain stem": (10, "WM"),
}


def _figures(result, truth, inside):
    return [dice((result.labels == k) & inside, (truth == k) & inside) for k in LABELS.values()]


def _shares(result, structures):
    """The share of each structure that is labelled with its tissue."""
    return {
        name: (result.labels[structures == number] == LABELS[tissue]).mean()
        for name, (number, tissue) in STRUCTURES.items()
    }


@pytest.mark.slow
def test_elderly_heads_with_a_given_mask(scans):
    figures, shares = [], []
    for name in ELDERLY:
        result = mriseg.segment(scan_of(scans, name), mask=truth_of(scans, name, "desc-brain_mask"))
        truth = array_of(truth_of(scans, name))
        figures.append(_figures(result, truth, truth > 0))
        shares.append(_shares(result, array_of(truth_of(scans, name, "desc-structures_dseg"))))
    assert (np.mean(figures, axis=0) >= (0.885, 0.845, 0.87)).all()
    found = {name: np.mean([row[name] for row in shares]) for name in STRUCTURES}
    least = {"caudate": 0.90, "pallidum": 0.97, "putamen": 0.95, "thalamus": 0.84, "hippocampus": 0.94,
             "cerebellar WM": 0.89, "brain stem": 0.86}  # fmt: skip
    assert all(found[name] >= share for name, share in least.items()), found
    assert min(row["thalamus"] for row in shares) >= 0.75


@pytest.mark.parametrize("options", [{"classes": 5, "merge": True}, {"covariance": "V"}])
def test_gaussian_classes_make_the_tissues_that_lie_where_they_do(segmented, options):
    """A class of voxels of two tissues is not given to one of them."""
    result, usual = segmented("elder02", **options), segmented("elder02")
    assert result.by_place
    for tissue, label in LABELS.items():
        assert result.volumes[tissue].ml == pytest.approx(usual.volumes[tissue].ml, rel=0.15)
        assert dice(result.labels == label, usual.labels == label) >= 0.85


@pytest.mark.parametrize("name", ["ibsr01", "ibsr04"])
def test_without_the_template_a_head_without_a_field_is_left_alone(segmented, name):
    """White matter alone may not take anatomy for a field."""
    result, plain = segmented(name, priors=False), segmented(name, priors=False, bias=False)
    for tissue in ("GM", "WM"):
        assert dice(result.labels == LABELS[tissue], plain.labels == LABELS[tissue]) >= 0.98


@pytest.mark.parametrize(
    ("name", "mask", "gain"),
    [("elder03", "desc-brain_mask", 0.1), pytest.param("ibsr16", None, 0.01, marks=pytest.mark.slow)],
)
def test_without_the_template_the_field_of_a_head_is_removed(scans, segmented, name, mask, gain):
    given = mask and truth_of(scans, name, mask)
    truth = array_of(truth_of(scans, name))
    with_field, without = (
        _figures(segmented(name, mask=given, priors=False, bias=bias), truth, truth > 0)
        for bias in (False, True)
    )
    assert (np.subtract(without, with_field)[1:] >= gain).all()


def test_deep_nuclei_are_grey_and_the_brain_stem_is_white(scans, segmented):
    name = "elder03"
    result = segmented(name, mask=truth_of(scans, name, "desc-brain_mask"))
    found = _shares(result, array_of(truth_of(scans, name, "desc-structures_dseg")))
    least = {"caudate": 0.92, "pallidum": 0.96, "putamen": 0.92, "thalamus": 0.87,
             "cerebellar WM": 0.90, "brain stem": 0.85}  # fmt: skip
    assert all(found[structure] >= share for structure, share in least.items()), found


@pytest.mark.parametrize(
    ("noise", "bias", "least"),
    [pytest.param(3, 20, (0.97, 0.97, 0.97), marks=pytest.mark.slow), (9, 40, (0.90, 0.92, 0.92))],
)
def test_a_simulated_head(scans, tmp_path, noise, bias, least):
    model = load_map(scans / "phantom_models" / "brainweb_crisp.nii.gz")
    labels = np.rint(model.data).astype(int)
    phantom = simulate(
        labels, model.canonical_affine, tissues={1: 3, 2: 1, 8: 1, 3: 2}, noise=noise, bias=bias
    )
    path = tmp_path / "sim_T1w.nii.gz"
    nib.save(nib.Nifti1Image(phantom.data, phantom.affine), path)
    result = mriseg.segment(path, stripped=True)
    brain = phantom.labels > 0
    assert (np.array(_figures(result, phantom.labels, brain)) >= least).all()
    field = result.field.on_grid(brain.shape)[brain]
    assert np.log(field / phantom.field[brain]).std() < 0.03
    posteriors = np.stack([result.posteriors[t][brain] for t in LABELS], axis=1)
    shares = np.stack([phantom.fractions[k][brain] for k in LABELS.values()], axis=1)
    assert calibration_error(posteriors, shares / shares.sum(axis=1, keepdims=True)) <= 0.05


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda x: x * 1000.0, id="times 1000", marks=pytest.mark.slow),
        pytest.param(lambda x: x / 1000.0, id="by 1000"),
        pytest.param(lambda x: x + 500.0, id="offset"),
        pytest.param(lambda x: x.astype(np.float64), id="float64", marks=pytest.mark.slow),
    ],
)
def test_units_and_dtype_do_not_matter(scans, segmented, tmp_path, change):
    name = "elder03"
    source = nib.load(scan_of(scans, name))
    mask = truth_of(scans, name, "desc-brain_mask")
    data = array_of(scan_of(scans, name)).astype(np.float32)
    changed = tmp_path / "changed_T1w.nii.gz"
    nib.save(nib.Nifti1Image(change(data), source.affine), changed)
    first, second = segmented(name, mask=mask), mriseg.segment(changed, mask=mask)
    brain = first.mask | second.mask
    assert (first.labels == second.labels)[brain].mean() >= 0.999


def test_a_mirrored_head_is_segmented_like_the_head(scans, segmented, tmp_path):
    name = "elder03"
    affine = nib.load(scan_of(scans, name)).affine
    mirrored, mirrored_mask = tmp_path / "mirrored_T1w.nii.gz", tmp_path / "mirrored_mask.nii.gz"
    mask = truth_of(scans, name, "desc-brain_mask")
    nib.save(nib.Nifti1Image(array_of(scan_of(scans, name))[::-1], affine), mirrored)
    nib.save(nib.Nifti1Image(array_of(mask)[::-1], affine), mirrored_mask)
    straight = segmented(name, mask=mask)
    turned = mriseg.segment(mirrored, mask=mirrored_mask)
    # The blocks that the template's maps are averaged over lie half a millimetre off the middle, as do the
    # samples that deform it.
    assert (straight.labels == turned.labels[::-1])[straight.mask].mean() >= 0.99


def _coil_sensitivity(volume, mask):
    """What sixteen coils around a head pick up together: from .7 to 1.5 of their mean in the brain."""
    voxels = np.stack(np.indices(volume.data.shape), axis=-1)
    places = (voxels - np.argwhere(mask).mean(axis=0)) @ volume.canonical_affine[:3, :3].T
    power = np.zeros(volume.data.shape)
    for height in (-30, 50):
        for angle in np.arange(8) * np.pi / 4:
            coil = np.array([140 * np.cos(angle), 154 * np.sin(angle), height])
            power += (60**2 / (((places - coil) ** 2).sum(axis=-1) + 60**2)) ** 3
    return (np.sqrt(power) / np.sqrt(power)[mask].mean()).astype(np.float32)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["elder02", "pumi"])
def test_a_head_without_coil_normalisation_has_the_same_volumes(segmented, name):
    normalised = segmented(name)
    volume = normalised.volume
    sensitivity = _coil_sensitivity(volume, normalised.brain.mask)
    bare = mriseg.segment(replace(volume, data=volume.data * sensitivity))
    for tissue, found in normalised.volumes.items():
        # CSF of pumi loses 5.4 %: the miss is in docs/tissue.md.
        assert bare.volumes[tissue].ml == pytest.approx(found.ml, rel=0.07 if tissue == "CSF" else 0.03)
