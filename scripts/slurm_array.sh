#!/bin/sh
# A cohort as a plain Slurm array job, without Dask: each task segments its part of the scans. Submit it from a folder
# that all nodes share:
#
#   ls study/*/T1.nii.gz > scans.txt
#   sbatch --array=0-19 slurm_array.sh scans.txt results
#   mriseg summarise results                                   # when all tasks have ended
#
# Submitted once more, it does only what is not done yet. Instead of a list of paths any input of `mriseg batch` will
# do, such as a table with masks. MRISEG names the program where it is not on the PATH.
#
# A third word, such as part, gives each task a folder of its own, results/part-0 and so on, with a table and a page
# of its own: for more than some thousand scans. Submit those with the same --array again, and give all folders to
# mriseg summarise.
#SBATCH --job-name=mriseg
#SBATCH --cpus-per-task=1
#SBATCH --mem=2G
#SBATCH --time=04:00:00
set -eu
task=${SLURM_ARRAY_TASK_ID:?submit this by sbatch --array}
exec "${MRISEG:-mriseg}" batch "$1" -o "$2${3:+/$3-$task}" --part "$task/${SLURM_ARRAY_TASK_COUNT:-1}" \
    --resume --jobs 1
