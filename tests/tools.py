"""Virtual environments that tests make once and keep in the cache: programs that cannot live beside ours."""

import shutil
import subprocess
import sys
from pathlib import Path

from cluster import paths
from cluster.shell import locked


def python_with(*requirements: str) -> Path:
    """The Python of a virtual environment that holds `requirements`."""
    home = paths.cache() / "venvs" / paths.digest(*requirements, sys.version)
    with locked(f"venv-{home.name}"):
        if not (home / "done").exists():
            shutil.rmtree(home, ignore_errors=True)
            uv = Path(sys.executable).with_name("uv")
            subprocess.run([uv, "venv", "--quiet", f"--python={sys.executable}", home], check=True)
            into = f"--python={home}/bin/python"
            subprocess.run([str(uv), "pip", "install", "--quiet", into, *requirements], check=True)
            (home / "done").touch()
    return home / "bin" / "python"
