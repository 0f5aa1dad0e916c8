from __future__ import annotations

import pytest

from mriseg.cohort.distributions import distributions
from mriseg.cohort.outliers import Deviation
from mriseg.cohort.record import Record
from mriseg.cohort.scan_qc import ScanQC


@pytest.mark.parametrize(("count", "marked"), [(10, 10), (11, 0)])
def test_medians_of_groups_are_marked_in_order_unless_they_would_hide_the_bars(count, marked):
    checked = [
        ScanQC(Record(f"s{k}", "s.nii", "s"), [Deviation("GM_fraction", 0.3 + 0.01 * k, 0.0)], f"site {k}")
        for k in range(count)
    ]
    (found,) = distributions(checked)
    assert [tick.group for tick in found.ticks] == [f"site {k}" for k in range(marked)]
