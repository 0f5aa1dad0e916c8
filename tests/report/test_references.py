from __future__ import annotations

import re

from mriseg.report import references
from mriseg.report.references import LARSEN, VAN_LEEMPUT, Reference

ALL = [value for value in vars(references).values() if isinstance(value, Reference)]


def test_a_journal_article_in_bibtex():
    assert VAN_LEEMPUT.bibtex.splitlines() == [
        "@article{VanLeemput2001,",
        "  author = {Van Leemput, K. and Maes, F. and Vandermeulen, D. and Colchester, A. and Suetens, P.},",
        "  title = {{Automated segmentation of multiple sclerosis lesions by model outlier detection}},",
        "  journal = {IEEE Trans Med Imaging},",
        "  volume = {20},",
        "  pages = {677--688},",
        "  year = {2001}",
        "}",
    ]


def test_proceedings_are_no_journal():
    assert LARSEN.bibtex.startswith("@inproceedings{Larsen2014,")
    assert "  booktitle = {MICCAI BAMBI workshop},\n  series = {LNCS 8677}," in LARSEN.bibtex
    assert LARSEN.text.endswith("MICCAI BAMBI workshop, LNCS 8677:1-12.")


def test_every_entry_is_whole_and_has_a_key_of_its_own():
    assert len(ALL) > 5
    assert len({reference.key for reference in ALL}) == len(ALL)
    for reference in ALL:
        assert reference.bibtex.count("{") == reference.bibtex.count("}")
        assert re.fullmatch(r"\S.* \(\d{4}\)\. .+\. .+[ ,]\S*\d+:\d+-\d+\.", reference.text)
