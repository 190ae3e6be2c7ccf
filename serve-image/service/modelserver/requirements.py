"""Which of a version's requirements the image does not meet."""

import mmap
import re
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

# Another name for the same modules: the image holds the one, models are logged with the other.
ALIASES = {"xgboost": "xgboost-cpu", "mlflow-skinny": "mlflow"}
# The server itself, and what installs: a version's own pins of these say how it was logged.
NEVER_INSTALLED = {"mlflow", "mlflow-tracing", "bentoml", "pip", "setuptools", "wheel"}
# What these need for themselves is often listed by MLflow although the model never imports it.
_SERVER = ("mlflow-skinny", "mlflow-tracing", "bentoml")
_LISTS = {"MLmodel", "conda.yaml", "python_env.yaml", "requirements.txt"}


@dataclass(frozen=True)
class Unmet:
    """Lines for pip: what is to be installed, and the options (indexes, constraints) that go with it."""

    requirements: tuple[str, ...]
    options: tuple[str, ...]


def unmet(folder: Path) -> Unmet:
    """What the image lacks, or holds in another version, of the requirements of the model in `folder`.

    Packages of the server's own that the model's files never name are left as they are.
    """
    listed = folder / "requirements.txt"
    lines = (
        [line.split(" #")[0].strip() for line in listed.read_text().splitlines()] if listed.exists() else []
    )
    lines = [line for line in lines if line and not line.startswith("#")]
    options = tuple(line for line in lines if line.startswith("-"))
    wanted = [_judged(line) for line in lines if not line.startswith("-")]
    different = [one for one in wanted if one is not None]
    own = _of_the_server()
    doubtful = {one.name for one in different if one.name in own}
    named = {name for name in doubtful if _names(folder, _modules(name))}
    kept = sorted({one.line for one in different if one.name not in doubtful - named})
    return Unmet(tuple(kept), options)


@dataclass(frozen=True)
class _Wanted:
    name: str
    line: str


def _judged(line: str) -> _Wanted | None:
    """A requirement that the image does not meet; None for one that it does."""
    try:
        requirement = Requirement(line)
    except InvalidRequirement:
        return _Wanted("", line)  # a path or an address: pip knows
    name = canonicalize_name(requirement.name)
    held = ALIASES.get(name, name)
    if held in NEVER_INSTALLED or (requirement.marker and not requirement.marker.evaluate()):
        return None
    version = version_of(held) or version_of(name)
    if (
        version
        and requirement.url is None
        and not requirement.extras
        and requirement.specifier.contains(version, True)
    ):
        return None
    return _Wanted(name, str(requirement))


def version_of(name: str) -> str:
    """The version of a package in the image; "" where it holds none."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def _of_the_server() -> set[str]:
    found = (line for name in _SERVER if version_of(name) for line in metadata.requires(name) or ())
    needed = (Requirement(line) for line in found)
    return {canonicalize_name(one.name) for one in needed if not (one.marker and "extra" in str(one.marker))}


def _modules(name: str) -> set[str]:
    """What a package of the image is imported as."""
    try:
        files = metadata.files(name) or ()
    except metadata.PackageNotFoundError:
        return set()
    tops = {file.parts[0].removesuffix(".py") for file in files if file.suffix == ".py"}
    return {top for top in tops if top.isidentifier()}


def _names(folder: Path, modules: Iterable[str]) -> bool:
    """Whether a file of the model, its pickles' own names of modules included, mentions one of `modules`."""
    alternatives = "|".join(map(re.escape, modules))
    if not alternatives:
        return False
    # In a pickle a module's name is followed by its submodule, a line's end, or an opcode.
    pattern = re.compile(rf"(?:{alternatives})(?=[.\s,;)\x8c\x94])".encode("latin-1"))
    return any(
        _mentions(file, pattern) for file in folder.rglob("*") if file.is_file() and file.name not in _LISTS
    )


def _mentions(file: Path, pattern: re.Pattern[bytes]) -> bool:
    if file.stat().st_size == 0:
        return False
    if zipfile.is_zipfile(file):
        with zipfile.ZipFile(file) as archive:
            small = (name for name in archive.namelist() if name.endswith((".pkl", ".json", ".py")))
            return any(pattern.search(archive.read(name)) for name in small)
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return pattern.search(content) is not None
