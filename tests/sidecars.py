"""Sidecars that hold what tables and comparisons read, and no more."""

from __future__ import annotations

import json

from mriseg.results.sidecar import SCHEMA_VERSION


def minimal_sidecar(name, classes, *, brain_mask_ml=1500.0, similarity=None, warnings=()):
    """Return a sidecar of the classes, each with a label and any of its figures."""
    figures = {"ml": 1.0, "label_ml": 1.0, "fraction": 0.3, "mean": 50.0, "sd": 5.0}
    return {
        "SchemaVersion": SCHEMA_VERSION,
        "Sources": [name],
        "BrainMask": {"VolumeML": brain_mask_ml, "TemplateSimilarity": similarity},
        "Contrast": {"Used": "t1"},
        "Classes": {tissue: {**figures, **of} for tissue, of in classes.items()},
        "BiasField": {"Order": 1, "Lowest": 0.9, "Highest": 1.1},
        "Mixture": {},
        "Warnings": [warning.recorded() for warning in warnings],
        "Files": [],
    }


def sidecar_of(name, gm, *, similarity=0.7, warnings=()):
    """What a segmentation leaves, with a given share of GM."""
    shares = {"CSF": 0.2, "GM": gm, "WM": 0.8 - gm}
    classes = {
        tissue: {"Label": 1, "fraction": share, "mean": mean, "sd": 5.0}
        | dict.fromkeys(("ml", "label_ml"), 1500 * share)
        for (tissue, share), mean in zip(shares.items(), (30.0, 70.0, 100.0), strict=True)
    }
    return minimal_sidecar(f"{name}.nii.gz", classes, similarity=similarity, warnings=warnings)


def store(output, name, content):
    (output / name).mkdir(parents=True)
    (output / name / f"{name}_dseg.json").write_text(json.dumps(content))
