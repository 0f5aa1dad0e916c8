"""Build the packaged head template, mriseg/assets/{head,brain}.nii.gz, from data of package registries.

    apt-get download mricron-data && dpkg -x mricron-data_*.deb SOURCES/
    pip download --no-deps -d SOURCES nilearn==0.14.1 pydeface==2.1.0
    unzip -d SOURCES 'SOURCES/*.whl'
    python scripts/build_template.py SOURCES

Colin27 (in MNI space), with the brain mask of MNI152 2009a, is registered to pydeface's mean head; that head
is resampled to MNI space, averaged with its mirror image and stored with the mask at 2 mm.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import nibabel as nib
import numpy as np
from scipy import ndimage
from skimage.measure import block_reduce

from mriseg.images import load_volume
from mriseg.template import Template, register

if TYPE_CHECKING:
    from numpy.typing import NDArray

ASSETS = Path(__file__).parent.parent / "mriseg" / "assets"
NECK_MM = 30  # MNI152's field of view ends at the cerebellum; a head needs some neck to be held by
# MNI152's mask ends at the cortex; the brain mask of this project goes on to the inner table of the skull.
SULCAL_CSF_MM = 2.0


def resample(
    data: NDArray[np.float32], to_source: NDArray[np.float64], shape: tuple[int, ...]
) -> NDArray[np.float32]:
    """Resample an array by a matrix that takes target voxels to source voxels."""
    return ndimage.affine_transform(data, to_source[:3, :3], to_source[:3, 3], output_shape=shape, order=1)


def halve(data: NDArray[np.float32]) -> NDArray[np.float32]:
    """Average with the mirror image, then blocks of 2 x 2 x 2 mm."""
    return block_reduce((data + data[::-1]) / 2, (2, 2, 2), np.mean).astype(np.float32)


def store(data: NDArray[np.float32], affine: NDArray[np.float64], name: str) -> None:
    """Write an array as 8-bit NIfTI in MNI space."""
    image = nib.Nifti1Image(np.round(255 * data / data.max()).astype(np.uint8), affine)
    image.set_sform(affine, "mni")
    image.set_qform(affine, "mni")
    image.header.set_xyzt_units("mm")
    image.to_filename(ASSETS / name)


def main(sources: Path) -> None:
    """Make both assets."""
    mni = load_volume(sources / "nilearn/datasets/data/mni_icbm152_t1_tal_nlin_sym_09a_converted.nii.gz")
    colin = load_volume(sources / "usr/share/mricron/templates/ch2.nii.gz")
    mean = load_volume(sources / "pydeface/data/mean_reg2mean.nii.gz")
    affine = mni.affine @ np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, -NECK_MM], [0, 0, 0, 1.0]])
    mask = np.pad(mni.data > 0, ((0, 0), (0, 0), (NECK_MM, 0)))
    mask = ndimage.binary_fill_holes(ndimage.binary_closing(mask, iterations=3) | mask)
    brain = (ndimage.distance_transform_edt(~mask) <= SULCAL_CSF_MM).astype(np.float32)
    coarse = affine @ np.array([[2, 0, 0, 0.5], [0, 2, 0, 0.5], [0, 0, 2, 0.5], [0, 0, 0, 1]])
    colin_head = resample(colin.data, np.linalg.inv(colin.affine) @ affine, mask.shape)
    mni_to_mean = register(mean, Template(halve(colin_head), halve(brain), coarse)).affine
    mean_head = resample(mean.data, np.linalg.inv(mean.affine) @ mni_to_mean @ affine, mask.shape)
    store(halve(mean_head), coarse, "head.nii.gz")
    store(halve(brain), coarse, "brain.nii.gz")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
