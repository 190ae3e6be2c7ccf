"""The kernel settings that a kubelet changes for the whole machine, and how they come back."""

import json
from pathlib import Path

from cluster import paths
from cluster.shell import say

# kubelet: pkg/kubelet/cm/container_manager_linux.go, setupKernelTunables
NAMES = (
    "vm.overcommit_memory",
    "vm.panic_on_oom",
    "kernel.panic",
    "kernel.panic_on_oops",
    "kernel.keys.root_maxkeys",
    "kernel.keys.root_maxbytes",
)


def record(settings: Path = Path("/proc/sys")) -> None:
    """Keeps the values as they are before the first cluster; those of a later one are not the machine's own."""
    kept = _kept()
    if kept.exists():
        return
    values = {name: file.read_text().strip() for name in NAMES if (file := _file(settings, name)).exists()}
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_text(json.dumps(values))


def restore(settings: Path = Path("/proc/sys")) -> None:
    """Puts back what has changed since. Without the right to, says the command that does."""
    kept = _kept()
    if not kept.exists():
        return
    former = json.loads(kept.read_text())
    changed = {
        name: value for name, value in former.items() if _file(settings, name).read_text().strip() != value
    }
    try:
        for name, value in changed.items():
            _file(settings, name).write_text(value)
    except PermissionError:
        say(f"The kubelet changed kernel settings: `sudo sysctl {_assignments(changed)}` restores them.")
    else:
        if changed:
            say(f"Kernel settings are as before: {_assignments(changed)}.")
    kept.unlink()


def _assignments(values: dict[str, str]) -> str:
    return " ".join(f"{name}={value}" for name, value in values.items())


def _file(settings: Path, name: str) -> Path:
    return settings.joinpath(*name.split("."))


def _kept() -> Path:
    """Named after this start of the machine, which is what the values hold for."""
    boot = Path("/proc/sys/kernel/random/boot_id")
    return paths.cache() / f"sysctls-{boot.read_text().strip() if boot.exists() else 'machine'}.json"
