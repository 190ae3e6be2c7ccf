"""Where things lie: the checkout's own state, and the caches that all checkouts share."""

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
NODE = REPOSITORY / "cluster" / "node"

# A checkout has one cluster, unless it is asked to keep another one elsewhere.
STATE = REPOSITORY / os.environ.get("CLUSTER_STATE", ".cluster")
KUBECONFIG = STATE / "kubeconfig"
SHARED = STATE / "shared"
LOADED = STATE / "loaded.json"


def cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "modelcycle"


def digest(*parts: str | Path) -> str:
    """Twelve hex digits over strings and the files below paths (their names, modes and contents)."""
    sha = hashlib.sha256()
    for part in parts:
        if isinstance(part, str):
            sha.update(f"{len(part)}:{part}".encode())
            continue
        for file in _files(part):
            sha.update(f"{file.relative_to(part.parent)} {file.stat().st_mode & 0o111:o}\0".encode())
            sha.update(hashlib.sha256(file.read_bytes()).digest())
    return sha.hexdigest()[:12]


def _files(path: Path) -> Iterable[Path]:
    if path.is_file():
        return [path]
    # Byte code changes with every run and goes into no image.
    return sorted(f for f in path.rglob("*") if f.is_file() and "__pycache__" not in f.parts)
