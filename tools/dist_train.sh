#!/usr/bin/env bash
# Train on several GPUs, or CPU processes, of one or more machines.
#
#   tools/dist_train.sh CONFIG GPUS [options of tools/train.py]
#
# On several machines, run it on each with the same MASTER_ADDR, and NODE_RANK counting from 0:
#
#   NNODES=2 NODE_RANK=0 MASTER_ADDR=10.0.0.1 tools/dist_train.sh CONFIG 8
#
# PORT is 29500 for several machines, and any free one for a single machine.
set -euo pipefail

if [[ $# -lt 2 || ! $2 =~ ^[1-9][0-9]*$ ]]; then
    echo "usage: [NNODES=1 NODE_RANK=0 MASTER_ADDR=127.0.0.1 PORT=] $0 CONFIG GPUS [options of tools/train.py]" >&2
    exit 2
fi
config=$1 gpus=$2
shift 2
nodes=${NNODES:-1}
if [[ $nodes == 1 && -z ${PORT:-} ]]; then
    meeting=(--standalone)
else
    meeting=(--node_rank "${NODE_RANK:-0}" --master_addr "${MASTER_ADDR:-127.0.0.1}" --master_port "${PORT:-29500}")
fi

# torchrun passes these on to the training processes, which save and end; a PyTorch that cannot overlooks the variable.
export PET_SIGNALS_TO_HANDLE=${PET_SIGNALS_TO_HANDLE:-SIGTERM,SIGINT,SIGHUP,SIGQUIT,SIGUSR1,SIGUSR2}

exec python -m torch.distributed.run \
    --nnodes "$nodes" \
    "${meeting[@]}" \
    --nproc_per_node "$gpus" \
    "$(dirname "$0")/train.py" "$config" --launcher pytorch "$@"
