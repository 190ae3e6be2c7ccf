"""The packages of one version beside those of the image: a folder in the cache, made once."""

import hashlib
import json
import logging
import os
import platform
import subprocess
import sys
from importlib import metadata
from pathlib import Path

from modelserver import cache as caching
from modelserver import installing
from modelserver.failures import UnsatisfiableRequirementsError, one_line
from modelserver.requirements import Unmet, unmet

log = logging.getLogger(__name__)

# What the server imports; the model's own packages are tried by loading it.
_CHECK = "import mlflow.pyfunc, mlflow.pyfunc.scoring_server, bentoml, modelserver.service"


def ensure(folder: Path, cache: Path) -> Path | None:
    """The packages that the model in `folder` needs beside the image's; None where it needs none.

    Raises NeverServableError or NotServableNowError, each a sentence with the cure.
    """
    needed = unmet(folder)
    if not needed.requirements:
        return None
    log.info("the image does not hold %s", ", ".join(needed.requirements))

    def make(packages: Path) -> None:
        wheelhouse = cache / "wheelhouse"
        exact = installing.resolve(needed, folder, wheelhouse)
        log.info("installing %s", ", ".join(exact) or "nothing")
        if exact:
            installing.install(exact, needed.options, folder, wheelhouse, packages)
        _check(packages, exact)

    return caching.ensure(cache, "environments", key(needed, folder), make)


def key(needed: Unmet, folder: Path) -> str:
    """Names what is installed by what it depends on: the requirements, the Python and the image's packages."""
    image = sorted(f"{one.name}=={one.version}" for one in metadata.distributions())
    local = any("/" in line for line in (*needed.requirements, *needed.options))
    python = [*sys.version_info[:2], platform.machine()]
    content = [needed.requirements, needed.options, python, image, str(folder) if local else ""]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]


def _check(packages: Path, exact: list[str]) -> None:
    """Imports the server once among them. Raises UnsatisfiableRequirementsError."""
    code = f"from modelserver.prepared import activate; activate({str(packages)!r}); {_CHECK}"
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=_environment()
    )
    if done.returncode != 0:
        last = one_line(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "it gave no reason")
        raise UnsatisfiableRequirementsError(
            f"The model's requirements cannot stand beside the server: with {', '.join(exact)} installed, it fails "
            f"to start ({last}). Set the field `image` to an image made from this one that holds what the model needs."
        )


def _environment() -> dict[str, str]:
    service = str(Path(__file__).parents[1])
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, (service, os.environ.get("PYTHONPATH")))),
    }
