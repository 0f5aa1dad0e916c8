#!/bin/sh
# A cohort in object storage as a Slurm array job: each task segments the scans whose line of a list is its own, in
# steps of the number of tasks, and leaves no files behind. The list has a URL a line.
#
#   sbatch --array=0-99 slurm_array_urls.sh scans.txt s3://results/study
#
# Submitted once more, it does only what is not done yet. The results of s3://bucket/p1/T1.nii.gz are in
# s3://results/study/bucket/p1/T1. A scan that fails stops no other; the task ends with exit code 3 then. MRISEG
# names the program where it is not on the PATH, MRISEG_OPTIONS further options, such as --no-report. A third word,
# such as part, puts the results of each task below one of its own, s3://results/study/part-0 and so on; submit those
# with the same --array again.
#SBATCH --job-name=mriseg
#SBATCH --cpus-per-task=1
#SBATCH --mem=2G
#SBATCH --time=24:00:00
set -eu
scans=$1
task=${SLURM_ARRAY_TASK_ID:?submit this by sbatch --array}
results=${2%/}${3:+/$3-$task}
tasks=${SLURM_ARRAY_TASK_COUNT:-1}
test -r "$scans" || { echo "$scans: cannot be read" >&2; exit 1; }
awk -v task="$task" -v tasks="$tasks" '{ sub(/\r$/, "") } NF && n++ % tasks == task % tasks' "$scans" | {
    code=0
    while read -r url; do
        # Without user and password; what Azure names before an @ is a container.
        place=$(printf '%s\n' "$url" |
            sed -E '/^(az|abfss?):/!s|(:/+)[^/]*@|\1|; s|^[A-Za-z0-9+.-]+:/+||; s/\.(nii|nii\.gz|mgz|mgh)$//')
        # What a killed run left unfinished is replaced.
        # shellcheck disable=SC2086 # options are several words
        "${MRISEG:-mriseg}" segment "$url" -o "$results/$place" --skip-existing --overwrite \
            --quiet ${MRISEG_OPTIONS:-} < /dev/null || code=3
    done
    exit $code
}
