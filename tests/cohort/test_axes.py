from __future__ import annotations

import pytest

from mriseg.cohort.axes import PARTICIPANTS, QUALITY, VOLUMES, axes_of, in_words
from mriseg.cohort.groups import Groups
from mriseg.cohort.outliers import COMPARED_FIGURES
from mriseg.cohort.record import Record
from mriseg.cohort.scan_qc import ScanQC
from mriseg.cohort.table import columns


def scan(name, **figures):
    return ScanQC(Record(name, f"{name}.nii", name, figures=figures), [])


@pytest.mark.parametrize("measure", [*COMPARED_FIGURES, *columns(["CSF", "L"])[5:-5]])
def test_no_axis_is_named_by_a_column(measure):
    name = in_words(measure)
    assert "_" not in name
    assert not name[0].islower()
    assert len(name) < 100


def test_axes_are_those_on_which_scans_differ_participants_first():
    scans = [
        scan("a", brain_mask_ml=1500.123456, GM_fraction=0.4, GM_mean=70.0, WM_mean=100.0, cjv=0.3),
        scan("b", brain_mask_ml=1400.0, GM_fraction=0.4, GM_mean=60.0, WM_mean=100.0, cjv=None),
        scan("c", brain_mask_ml=1400.0, GM_fraction=0.4, GM_mean=60.0, WM_mean=100.0, cjv=0.5),
    ]
    axes = axes_of(
        scans, [Groups("age", "people", {"a": "71", "b": "30.5"}), Groups("same", "people", {"a": "1"})]
    )
    assert [(axis.name, axis.part) for axis in axes] == [
        ("age", PARTICIPANTS),
        ("Volume of the brain mask, mL", VOLUMES),
        ("Mean intensity of GM, as in the scan", VOLUMES),
        ("Mean intensity of GM over that of WM", VOLUMES),
        ("Sum of the deviations of WM and GM over their difference", QUALITY),
    ]
    assert axes[0].values == [71.0, 30.5, None]
    assert axes[1].values == [1500.12, 1400.0, 1400.0]
    assert axes[-1].values == [0.3, None, 0.5]


def test_values_of_a_narrow_range_stay_apart_and_those_too_large_for_a_plot_are_left_out():
    scans = [scan(name) for name in "abc"]
    days = {"a": "20240101", "b": "20240102", "c": "20240117"}
    huge = {"a": "1.7976931348623157e308", "b": "-1e299", "c": "2"}
    axes = axes_of(scans, [Groups("date", "people", days), Groups("huge", "people", huge)])
    assert [axis.values for axis in axes] == [[20240101.0, 20240102.0, 20240117.0], [None, -1e299, 2.0]]
