from __future__ import annotations

import pytest

from mriseg.cohort.outliers import Deviation
from mriseg.cohort.record import Record
from mriseg.cohort.scan_qc import ScanQC, describe_groups, describe_suspicious, groups_of
from mriseg.qc import do_not_trust, look_closely, note

GRAVE, TRIFLE, NOTE = do_not_trust("size", "small"), look_closely("share", "much"), note("soft", "cut")


def scan(*warnings, score=0.0, group: str | None = ""):
    return ScanQC(Record("a", "a.nii", "a", warnings=warnings), [Deviation("GM", 1.0, score)], group)


def test_scans_rank_by_verdict_and_then_by_distance_on_either_side():
    ordered = [
        scan(GRAVE), scan(TRIFLE, TRIFLE, score=-9), scan(TRIFLE, score=5), scan(score=-50),
        scan(NOTE, score=4), scan(score=1),
    ]  # fmt: skip
    ranks = [one.qc_rank for one in ordered]
    assert ranks == sorted(ranks, reverse=True)
    assert [one.suspicious for one in ordered] == [True, True, True, True, True, False]


@pytest.mark.parametrize(
    ("scans", "says"),
    [
        ([], "0 to look at"),
        ([scan(), scan(NOTE)], "0 to look at"),
        ([scan(GRAVE, score=9), scan(TRIFLE), scan(TRIFLE)], "3 to look at (1 do not trust, 2 look closely)"),
        ([scan(score=-9), scan(GRAVE, TRIFLE)], "2 to look at (1 do not trust, 1 only out of line)"),
    ],
)
def test_scans_to_look_at_are_counted_once_each(scans, says):
    assert describe_suspicious(scans) == says


@pytest.mark.parametrize(
    ("sizes", "says"),
    [
        ({"A": 8, "B": 9}, "Outliers are judged within 2 groups of site."),
        (
            {"A": 8, "B": 7, "C": 1, None: 2},
            (
                "Outliers are judged within 1 group of site. "
                "Not compared: 8 scans of 2 groups below 8 scans, 2 scans without site."
            ),
        ),
        (
            {"A": 1},
            "Outliers are judged within no group of site. Not compared: 1 scan of 1 group below 8 scans.",
        ),
    ],
)
def test_what_is_compared_with_none_is_said(sizes, says):
    checked = [scan(group=name) for name, size in sizes.items() for _ in range(size)]
    assert describe_groups(checked, "site") == says


def test_groups_are_in_the_order_of_their_numbers_and_the_unknown_last():
    checked = [scan(group=name) for name in ("site 10", None, "site 2", "alone", "site 1")]
    assert [group.name for group in groups_of(checked)] == ["alone", "site 1", "site 2", "site 10", None]
