"""What may be loaded at all: `trust: NoPickle` refuses files that run code while they are read."""

import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from modelserver.failures import NotTrustedError

_NAMES = {".pkl", ".pickle", ".joblib", ".cloudpickle", ".dill"}
# PROTO, the first byte of every pickle since protocol 2 (https://docs.python.org/3/library/pickletools.html).
_PROTO, _PROTOCOLS = 0x80, range(2, 6)
# A skops file is loaded with the list of types that its own MLmodel trusts: these libraries' types only build.
_LIBRARIES = {"sklearn", "numpy", "scipy", "pandas", "xgboost", "lightgbm", "catboost"}


def refuse_pickle(folder: Path, flavors: Mapping[str, Mapping[str, Any]]) -> None:
    """Raises NotTrustedError where reading the model would unpickle, or trust types of its own choice.

    The files are judged by what they hold, as MLmodel says only what its writer wants.
    """
    found = next(_pickles(folder), None)
    if found is not None:
        raise NotTrustedError(
            f"The model's file {found.relative_to(folder)} is a pickle, which runs code while it is loaded, and "
            "spec.trust is NoPickle. Log the model as skops or in its library's own format, or set trust: Any."
        )
    listed = flavors.get("sklearn", {}).get("skops_trusted_types") or ()
    strange = sorted(name for name in listed if str(name).partition(".")[0] not in _LIBRARIES)
    if strange:
        raise NotTrustedError(
            f"The model's skops file wants the types {', '.join(strange)} to be trusted, and spec.trust is "
            "NoPickle. Log a model without them, or set trust: Any."
        )


def _pickles(folder: Path) -> Iterator[Path]:
    for file in sorted(folder.rglob("*")):
        if file.is_file() and (file.suffix in _NAMES or _is_pickle(file)):
            yield file


def _is_pickle(file: Path) -> bool:
    with file.open("rb") as opened:
        start = opened.read(4)
    if start[:2] == b"PK" and zipfile.is_zipfile(file):
        # torch.save writes a zip whose data.pkl is the object.
        with zipfile.ZipFile(file) as archive:
            return any(Path(name).suffix in _NAMES for name in archive.namelist())
    return len(start) > 1 and start[0] == _PROTO and start[1] in _PROTOCOLS
