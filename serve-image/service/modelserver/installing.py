"""Resolves and installs by pip what a version needs beside the server."""

import json
import logging
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from modelserver.failures import NO_ROOM, NotServableNowError, UnsatisfiableRequirementsError, one_line
from modelserver.requirements import ALIASES, Unmet, version_of

log = logging.getLogger(__name__)

# These stay as they are: the server's code is written for them.
PINNED = ("mlflow", "bentoml", "starlette", "uvicorn", "orjson", "anyio", "prometheus-client")
_CURE = "Set the field `image` to an image made from this one that holds what the model needs, or log it again with other versions."
_UNREACHABLE = re.compile(
    r"Retrying \(Retry|Connection(?:Error| broken| refused| reset)|ReadTimeout|HTTP error 5\d\d|"
    r"Temporary failure in name resolution|There was a problem confirming the ssl certificate"
)
LAST_LINES = 5


def resolve(unmet: Unmet, folder: Path, wheelhouse: Path) -> list[str]:
    """What is to be installed, each as name==version: what the image already holds stays, where it can.

    Raises UnsatisfiableRequirementsError for what cannot stand beside the server, with both packages named, and
    NotServableNowError where no index answers.
    """
    pins = [f"{name}=={version}" for name in PINNED if (version := version_of(name))]
    wanted = [_aliased(line) for line in unmet.requirements]
    try:
        return _resolve(wanted, pins, unmet.options, folder, wheelhouse)
    except UnsatisfiableRequirementsError:
        if wanted == list(unmet.requirements):
            raise
        return _resolve(list(unmet.requirements), pins, unmet.options, folder, wheelhouse)


def install(exact: list[str], options: tuple[str, ...], folder: Path, wheelhouse: Path, target: Path) -> None:
    """Installs into the folder `target`. Raises as `resolve` does."""
    _pip([*exact], options, folder, wheelhouse, "--no-deps", f"--target={target}")


def _aliased(line: str) -> str:
    """The requirement by the name of the lighter package that the image holds; not every version goes by it."""
    name = re.split(r"[^A-Za-z0-9._-]", line, maxsplit=1)[0]
    alias = ALIASES.get(name.lower().replace("_", "-"))
    return alias + line[len(name) :] if alias and version_of(alias) else line


def _resolve(
    wanted: list[str], pins: list[str], options: tuple[str, ...], folder: Path, wheelhouse: Path
) -> list[str]:
    with tempfile.NamedTemporaryFile(suffix=".json") as report:
        _pip([*wanted, *pins], options, folder, wheelhouse, "--dry-run", f"--report={report.name}", pins=pins)
        content = json.loads(Path(report.name).read_text())
    return [_exactly(item) for item in content["install"]]


def _exactly(item: dict[str, dict[str, str]]) -> str:
    about = item["metadata"]
    if item.get("is_direct"):
        return f"{about['name']} @ {item['download_info']['url']}"
    return f"{about['name']}=={about['version']}"


def _pip(
    lines: list[str],
    options: tuple[str, ...],
    folder: Path,
    wheelhouse: Path,
    *arguments: str,
    pins: list[str] | None = None,
) -> None:
    """`pip install` of requirement lines, in the model's folder, which paths in them are relative to."""
    offline = ["--no-index", f"--find-links={wheelhouse}"] if wheelhouse.is_dir() else []
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as listed:
        listed.write("\n".join([*_absolute(options, folder), *lines]))
        listed.flush()
        command = [sys.executable, "-m", "pip", "install", "--no-input", "--no-color", "--progress-bar=off"]
        command += ["--prefer-binary", *offline, *arguments, f"--requirement={listed.name}"]
        code, said = _told(command, folder)
    if code != 0:
        raise _verdict(said, pins or [], offline=bool(offline))


def _told(command: list[str], folder: Path) -> tuple[int, str]:
    """The exit code and the output, whose lines are logged as they come: an install of minutes shows that it goes on."""
    said = []
    with subprocess.Popen(  # noqa: S603
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=_environment()
    ) as pip:
        assert pip.stdout is not None
        for line in pip.stdout:
            if line.startswith("[notice]"):
                continue
            said.append(line)
            if line.strip() and not line.startswith("Requirement already satisfied"):
                log.info("pip: %s", line.strip())
    return pip.returncode, "".join(said)


def _absolute(options: tuple[str, ...], folder: Path) -> list[str]:
    """Constraint files lie beside the model; pip looks for them beside the list."""
    return [re.sub(r"^(-c|--constraint)[ =](?!/)\s*", rf"\1 {folder}/", option) for option in options]


def _environment() -> dict[str, str]:
    own = {
        "PIP_RETRIES": "2",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_CACHE_DIR": f"{tempfile.gettempdir()}/pip",
        "PYTHONUNBUFFERED": "1",
    }
    return {**own, **os.environ}


def _verdict(said: str, pins: list[str], offline: bool) -> Exception:
    if "The conflict is caused by:" in said:
        causes = said.partition("The conflict is caused by:")[2].strip().partition("\n\n")[0].splitlines()
        named = "; ".join(_cause(line.strip(), pins) for line in causes if line.strip())
        return UnsatisfiableRequirementsError(
            f"The model's requirements cannot stand beside the server: {named}. {_CURE}"
        )
    last = one_line(" ".join(said.splitlines()[-LAST_LINES:]), limit=600)
    if _UNREACHABLE.search(said):
        return NotServableNowError(
            f"The model's requirements could not be fetched: pip said: {last} Make an index reachable (PIP_INDEX_URL "
            "in spec.env), or put the wheels into the folder cache/wheelhouse of the shared volume."
        )
    if NO_ROOM.search(said):
        return NotServableNowError(
            f"The model's requirements found no room: pip said: {last} Make room on the shared volume."
        )
    where = "in the folder cache/wheelhouse of the shared volume" if offline else "as wheels for this Python"
    return UnsatisfiableRequirementsError(
        f"The model's requirements could not be installed {where}: pip said: {last} {_CURE}"
    )


def _cause(line: str, pins: list[str]) -> str:
    asked = line.removeprefix("The user requested ")
    if asked == line:
        return line
    return f"the server needs {asked}" if asked in pins else f"the model requires {asked}"
