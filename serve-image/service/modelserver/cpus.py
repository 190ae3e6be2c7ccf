"""How many processors this container may use, and keeping the libraries' thread pools to that."""

import os
from collections.abc import MutableMapping
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")
# Each library reads one of these when it is first imported.
POOLS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")


def cpus(cgroup: Path = CGROUP) -> int:
    """Processors, at least 1: the container's CPU limit rounded up, else what the process may run on."""
    allowed = len(os.sched_getaffinity(0))
    try:
        quota, period = (cgroup / "cpu.max").read_text().split()
        return max(1, min(allowed, -(-int(quota) // int(period))))
    except (OSError, ValueError):  # no limit ("max"), or cgroup v1
        return allowed


def limit_pools(env: MutableMapping[str, str]) -> None:
    """Pools of as many threads as the node has processors would fight over the limit."""
    for pool in POOLS:
        env.setdefault(pool, str(cpus()))
