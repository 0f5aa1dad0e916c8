from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest

import mriseg


def test_images_of_a_result_are_those_of_its_files(ball_result, ball_folder):
    images = {
        "dseg": ball_result.labels_image,
        "desc-brain_mask": ball_result.mask_image,
        "desc-atypicality_map": ball_result.atypicality_image,
        "desc-preproc_T1w": ball_result.corrected_image,
        **{f"label-{name}_probseg": image for name, image in ball_result.posterior_images.items()},
    }
    for name, image in images.items():
        file = nib.load(ball_folder / f"sub-ball_{name}.nii.gz")
        np.testing.assert_array_equal(np.asanyarray(image.dataobj), np.asanyarray(file.dataobj))
        np.testing.assert_array_equal(image.affine, file.affine)
        assert image.header.get_intent()[0] == file.header.get_intent()[0]
        assert image.header["descrip"] == file.header["descrip"]


def test_a_result_is_evaluated_in_memory(ball_result, ball_labels, ball_affine):
    truth = nib.Nifti1Image(ball_labels, ball_affine)
    figures = mriseg.evaluate(ball_result.labels_image, truth)
    assert all(agreement.dice > 0.9 for agreement in figures.values())


def test_a_result_is_short_in_a_terminal_and_whole_in_a_notebook(ball_result):
    assert repr(ball_result).startswith("<Segmentation of sub-ball_T1w.nii.gz: GM ")
    assert len(repr(ball_result)) < 200
    page = ball_result._repr_html_()
    assert ball_result.verdict in page
    assert f"{ball_result.volumes['GM'].ml:.1f}" in page
    assert "data:image/jpeg;base64," in page


def test_a_row_holds_what_the_table_of_a_cohort_does(ball_result):
    row = ball_result.row()
    assert row["name"] == "sub-ball"
    assert row["GM_ml"] == ball_result.volumes["GM"].ml
    assert row["verdict"] == ball_result.verdict
    assert row["snr_wm"] == pytest.approx(ball_result.quality["snr_wm"], nan_ok=True)


def test_the_overlay_is_drawn_on_axes(ball_result):
    plt = pytest.importorskip("matplotlib.pyplot")
    plt.switch_backend("agg")
    axes = ball_result.plot()
    assert len(axes.images) == 1
    own = plt.figure().subplots()
    assert ball_result.plot(own, style="fill") is own
    with pytest.raises(mriseg.OptionError, match="overlay_style"):
        ball_result.plot(style="stripes")
    plt.close("all")
