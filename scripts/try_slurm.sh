#!/bin/sh
# Try a cohort on a real Slurm: one node, on this machine, started and ended by this script. Needs root and the
# Debian packages slurm-wlm and munge. Not part of the tests.
#
#   scripts/try_slurm.sh FOLDER-OF-SCANS RESULTS [MRISEG]
#
# Runs the scans once by `mriseg batch --cluster slurm` and once by slurm_array.sh, and compares the labels.
set -eu
scans=$(realpath "$1")
mkdir -p "$2"
results=$(realpath "$2")
mriseg=$(realpath -s "${3:-.venv/bin/mriseg}")
array=$(realpath "$(dirname "$0")/slurm_array.sh")
work=$(mktemp -d)
host=$(hostname -s)
cores=$(nproc)
export SLURM_CONF="$work/slurm.conf"

mkdir "$work/state" "$work/spool"
cat > "$SLURM_CONF" <<CONF
ClusterName=one
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=16817
SlurmdPort=16818
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=$work/munge.socket
CredType=cred/munge
StateSaveLocation=$work/state
SlurmdSpoolDir=$work/spool
SlurmctldPidFile=$work/slurmctld.pid
SlurmdPidFile=$work/slurmd.pid
SlurmctldLogFile=$work/slurmctld.log
SlurmdLogFile=$work/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
MpiDefault=none
SwitchType=switch/none
NodeName=$host NodeAddr=127.0.0.1 CPUs=$cores RealMemory=2048 State=UNKNOWN
PartitionName=all Nodes=$host Default=YES MaxTime=INFINITE State=UP
CONF

# A key of our own: the system's stays as it is.
dd if=/dev/urandom of="$work/munge.key" bs=128 count=1 status=none
chmod 700 "$work"
chmod 600 "$work/munge.key"
end() {
    for daemon in slurmd slurmctld munged; do
        test -s "$work/$daemon.pid" && kill "$(cat "$work/$daemon.pid")" || true
    done
}
trap end EXIT
munged --force --key-file="$work/munge.key" --socket="$work/munge.socket" --pid-file="$work/munged.pid" \
    --log-file="$work/munged.log" --seed-file="$work/munge.seed"
slurmctld -f "$SLURM_CONF"
slurmd -f "$SLURM_CONF" -N "$host" || { echo "slurmd does not start:"; tail -5 "$work/slurmd.log"; exit 1; }
for _ in 1 2 3 4 5 6 7 8 9 10; do
    sinfo --noheader --format=%t | grep -q idle && break
    sleep 2
done
sinfo

echo "By Dask on Slurm:"
cat > "$work/slurm.toml" <<TOML
workers = $cores
cores = 1
memory = "1GB"
walltime = "00:30:00"
interface = "lo"
TOML
"$mriseg" batch "$scans" -o "$results/dask" --cluster slurm --cluster-options "$work/slurm.toml" --no-report

echo "By an array job:"
cd "$results"
find "$scans" -name '*.nii*' | sort > "$work/scans.txt"
MRISEG="$mriseg" sbatch --wait --array=0-1 --output="$work/array-%a.log" "$array" "$work/scans.txt" "$results/array"
cat "$work"/array-*.log
"$mriseg" summarise "$results/array"

find dask -name '*_dseg.nii.gz' | while read -r labels; do
    cmp "$labels" "$(find array -name "$(basename "$labels")")" || exit 1
done
echo "Both ways gave the same labels."
