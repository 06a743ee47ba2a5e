#!/usr/bin/env bash
# Train on the GPUs, or CPUs, of a Slurm cluster.
#
#   tools/slurm_train.sh PARTITION JOB_NAME CONFIG TASKS [options of tools/train.py]
#
# There is one task per GPU. GPUS_PER_NODE (8), CPUS_PER_TASK (5) and SRUN_ARGS are read from the environment. With
# GPUS_PER_NODE=0 the tasks train on CPUs, and Slurm decides on which nodes; TASKS_PER_NODE says how many on each.
set -euo pipefail

if [[ $# -lt 4 || ! $4 =~ ^[1-9][0-9]*$ || ! ${GPUS_PER_NODE:-8} =~ ^[0-9]+$ ]]; then
    echo "usage: [GPUS_PER_NODE=8 CPUS_PER_TASK=5 SRUN_ARGS=] $0 PARTITION JOB_NAME CONFIG TASKS [options of tools/train.py]" >&2
    exit 2
fi
partition=$1 name=$2 config=$3 tasks=$4
shift 4

gpus=${GPUS_PER_NODE:-8}
if ((gpus > 0)); then
    per_node=$((tasks < gpus ? tasks : gpus))
    placement=(--gres "gpu:$per_node" --ntasks-per-node "$per_node")
else
    placement=(${TASKS_PER_NODE:+--ntasks-per-node "$TASKS_PER_NODE"})
fi

# SRUN_ARGS holds several words.
# shellcheck disable=SC2086
exec srun --partition "$partition" --job-name "$name" \
    "${placement[@]}" --ntasks "$tasks" \
    --cpus-per-task "${CPUS_PER_TASK:-5}" --kill-on-bad-exit=1 ${SRUN_ARGS:-} \
    python -u "$(dirname "$0")/train.py" "$config" --launcher slurm "$@"
