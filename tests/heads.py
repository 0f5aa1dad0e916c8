"""Heads made on the spot from the packaged template, and scans made hard on purpose."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
from scipy import ndimage

from mriseg.brain.mask import find_brain
from mriseg.evaluation.phantom import simulate
from mriseg.images.reading import load_map
from mriseg.images.rim import without_rim
from mriseg.images.volume import Volume, new_volume
from mriseg.labels.contrasts import CONTRASTS
from mriseg.template.head import load_template


def dice(a, b):
    return 2 * np.count_nonzero(a & b) / (np.count_nonzero(a) + np.count_nonzero(b))


def volume_of(data, affine):
    header = nib.Nifti1Image(data, affine).header
    return Volume(data.astype(np.float32), affine, header, Path("made.nii.gz"), "")


def template_head(squeeze=(1.0, 1.0, 1.0)):
    """The template as a scan of 2 mm, squeezed along its axes, and its brain."""
    template = load_template()
    affine = np.diag([*squeeze, 1.0]) @ template.affine
    return volume_of(1000 * template.head, affine), template.distance < 0


WHITE, FLUID = (2, 41, 7, 46, 16, 28, 60), (4, 43, 14, 15, 24)
SKULL, SKULL_LEVEL, SCALP_LEVEL = 515, 10, {"t1": 160, "t2": 90, "pd": 90, "flair": 80, "t1-infant": 120}


def simulated_head(model, contrast, *, head=True, scale=1.0, zoom=2.0):
    """A labelled head as a scan of some contrast, whole or stripped, and the truth about its tissues."""
    labels = load_map(model)
    codes = np.rint(labels.data).astype(int)
    around, skull = 5, 4
    parts = np.select(
        [np.isin(codes, WHITE), np.isin(codes, FLUID), codes == SKULL, codes > 500, codes > 0],
        [2, 3, skull, around, 1], 0,
    )  # fmt: skip
    phantom = simulate(
        parts,
        np.diag([scale, scale, scale, 1.0]) @ labels.canonical_affine,
        intensities=CONTRASTS[contrast].phantom_intensities,
        surroundings={skull: SKULL_LEVEL, around: SCALP_LEVEL[contrast]} if head else None,
        zooms=(zoom * scale,) * 3,
        noise=5,
    )
    return new_volume(phantom.data, phantom.affine, Path("made.nii.gz")), phantom.labels


def turned(axis, degrees):
    """A rotation about a world axis, (4, 4)."""
    angle = np.deg2rad(degrees)
    i, j = [k for k in range(3) if k != axis]
    turn = np.eye(4)
    turn[[i, j], [i, j]] = np.cos(angle)
    turn[i, j], turn[j, i] = -np.sin(angle), np.sin(angle)
    return turn


def moved(volume, mask, motion, zooms, shape):
    """A head moved about the middle of its volume and sampled on a new grid; its mask likewise."""
    middle = np.eye(4)
    middle[:3, 3] = (volume.canonical_affine @ [*(np.array(volume.data.shape) - 1) / 2, 1])[:3]
    affine = np.diag([*zooms, 1.0])
    affine[:3, 3] = middle[:3, 3] - np.array(zooms) * (np.array(shape) - 1) / 2
    back = np.linalg.inv(middle @ motion @ np.linalg.inv(middle) @ volume.canonical_affine) @ affine
    data, mask = (
        ndimage.affine_transform(
            array.astype(np.float32), back[:3, :3], back[:3, 3], output_shape=shape, order=1
        )
        for array in (volume.data, mask)
    )
    return replace(volume, data=data, canonical_affine=affine), mask > 0.5


def template_brain(contrast="t1", regions=(), *, noise=0.03, seed=0):
    """The tissue maps of the template as a stripped scan of 2 mm in some contrast, with spheres in it.

    `regions` are centres in MNI space and radii, mm, and intensities. Gives the scan and where they lie.
    """
    template, levels = load_template(), CONTRASTS[contrast].phantom_intensities
    shares = {1: template.gm, 2: template.wm, 3: template.csf}
    data = sum(levels[tissue] * share for tissue, share in shares.items())
    places = np.moveaxis(np.indices(data.shape), 0, -1) @ template.affine[:3, :3].T + template.affine[:3, 3]
    brain, inside = template.distance < 0, np.zeros(data.shape, dtype=bool)
    for centre, radius, level in regions:
        sphere = (np.linalg.norm(places - np.array(centre), axis=-1) < radius) & brain
        inside |= sphere
        data = np.where(sphere, np.float32(level), data)
    data = data + np.random.default_rng(seed).normal(0, noise * levels[2], data.shape)
    return volume_of(np.where(brain, np.maximum(data, 1), 0), template.affine), inside


def brain_of(volume, contrast="t1"):
    """The brain that is found in a head of a known contrast, in canonical orientation."""
    return find_brain(without_rim(volume), contrast)
