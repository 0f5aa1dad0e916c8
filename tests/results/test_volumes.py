from __future__ import annotations

import csv

from mriseg.results.volumes import TissueVolume, save_volume_table


def test_the_table_has_one_row_and_no_formula(tmp_path):
    volumes = {
        "GM": TissueVolume(612.41239, 600.0, 0.45123456, 70.123456789, 5.0),
        "L": TissueVolume(0.0, 0.036, 0.0, float("nan"), float("nan")),
    }
    save_volume_table("=x", 1357.0004, volumes, tmp_path / "volumes.tsv")
    with (tmp_path / "volumes.tsv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    assert rows == [
        {
            "name": "'=x", "brain_mask_ml": "1357.000",
            "GM_ml": "612.412", "GM_label_ml": "600.000", "GM_fraction": "0.451235", "GM_mean": "70.1235",
            "GM_sd": "5",
            "L_ml": "0.000", "L_label_ml": "0.036", "L_fraction": "0.000000", "L_mean": "nan", "L_sd": "nan",
        }
    ]  # fmt: skip
