#!/bin/sh
# A cohort as a plain Slurm array job, without Dask: each task segments the scans whose line of a list is its own,
# in steps of the number of tasks. Submit it from a folder that all nodes share:
#
#   ls study/*/T1.nii.gz > scans.txt
#   sbatch --array=0-19 slurm_array.sh scans.txt results
#   mriseg summarise results                                   # when all tasks have ended
#
# Submitted once more, it does only what is not done yet. Results are those of `mriseg batch`, each scan's in the
# folder that its path names. MRISEG names the program where it is not on the PATH.
#
# A third word, such as part, gives each task a folder of its own, results/part-0 and so on, with a table and a page
# of its own: for more than some thousand scans. Submit those with the same --array again, and give all folders to
# mriseg summarise.
#SBATCH --job-name=mriseg
#SBATCH --cpus-per-task=1
#SBATCH --mem=2G
#SBATCH --time=04:00:00
set -eu
scans=$1
task=${SLURM_ARRAY_TASK_ID:?submit this by sbatch --array}
results=$2${3:+/$3-$task}
tasks=${SLURM_ARRAY_TASK_COUNT:-1}
own=$(mktemp --suffix=.tsv)
trap 'rm -f "$own"' EXIT
# The identifier is the path without what would lead out of the results and without the extension.
awk -v task="$task" -v tasks="$tasks" -v here="$PWD" '
    BEGIN { print "scan\tidentifier" }
    (NR - 1) % tasks == task % tasks {
        path = $0 ~ /^\// ? $0 : here "/" $0
        name = $0
        sub(/\.(nii|nii\.gz|hdr|img)$/, "", name)
        sub(/^[.\/]+/, "", name)
        print path "\t" name
    }' "$scans" > "$own"
test "$(wc -l < "$own")" -gt 1 || exit 0
"${MRISEG:-mriseg}" batch "$own" -o "$results" --resume --jobs 1
