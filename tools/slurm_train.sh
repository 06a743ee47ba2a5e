#!/usr/bin/env bash
# Train on the GPUs of a Slurm cluster.
#
#   tools/slurm_train.sh PARTITION JOB_NAME CONFIG GPUS [options of tools/train.py]
#
# GPUS_PER_NODE (8), CPUS_PER_TASK (5) and SRUN_ARGS are read from the environment.
set -euo pipefail

if [[ $# -lt 4 || ! $4 =~ ^[1-9][0-9]*$ ]]; then
    echo "usage: [GPUS_PER_NODE=8 CPUS_PER_TASK=5 SRUN_ARGS=] $0 PARTITION JOB_NAME CONFIG GPUS [options of tools/train.py]" >&2
    exit 2
fi
partition=$1 name=$2 config=$3 gpus=$4
shift 4
per_node=${GPUS_PER_NODE:-8}
if ((gpus < per_node)); then per_node=$gpus; fi

# SRUN_ARGS holds several words.
# shellcheck disable=SC2086
exec srun --partition "$partition" --job-name "$name" \
    --gres "gpu:$per_node" --ntasks "$gpus" --ntasks-per-node "$per_node" \
    --cpus-per-task "${CPUS_PER_TASK:-5}" --kill-on-bad-exit=1 ${SRUN_ARGS:-} \
    python -u "$(dirname "$0")/train.py" "$config" --launcher slurm "$@"
