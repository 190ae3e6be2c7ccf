"""How many processors this container may use, and keeping the libraries' thread pools to that."""

import os
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

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


def limit_pools(env: MutableMapping[str, str], processes: int = 1) -> None:
    """Pools of as many threads as the node has processors would fight over the limit, which `processes` share."""
    for pool in POOLS:
        env.setdefault(pool, str(max(1, cpus() // processes)))


def alone() -> Any:
    """From now on, or as a context, this thread's predictions use no pool of OpenMP, whose limit is each thread's own.

    For a short prediction the waking of a pool costs more than it saves, and on a busy node much more. Call it
    when the model's library is loaded.
    """
    import threadpoolctl

    return threadpoolctl.threadpool_limits(1, user_api="openmp")
