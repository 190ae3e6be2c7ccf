"""`python -m modelserver.prepare`, the init container: everything that is decided and fetched before serving.

It fetches the files of a version that are not on the mount, refuses what may not be loaded, and installs what the
image lacks. What is worth knowing of a version that can be served becomes the termination message.
"""

import logging
import os
import sys
import time
from pathlib import Path

from modelserver import cache, ending, environment, logs, prepared
from modelserver.fetch import fetch
from modelserver.folder import read, wait_for_model
from modelserver.notes import notes
from modelserver.prepared import Prepared
from modelserver.settings import Settings
from modelserver.trust import refuse_pickle

log = logging.getLogger("modelserver")


def main() -> int:
    """The exit code, as of the server: 3 where the version can never be served as it is, 1 otherwise."""
    logs.configure()
    try:
        settings = Settings.from_env(os.environ)
    except ValueError as error:
        return ending.say(f"The version cannot be prepared: {error}", ending.AGAIN)
    try:
        said = prepare(settings)
        _collect(settings.cache)
    except Exception as error:
        return ending.failed(error)
    return ending.say(said, 0) if said else 0


def prepare(settings: Settings) -> str:
    """Leaves the note for the server; what is worth knowing about the version, as sentences, or "".

    Raises NeverServableError or NotServableNowError, each a sentence with the cure.
    """
    folder, fetched = _files(settings)
    description = read(folder)
    if settings.trust == "NoPickle":
        refuse_pickle(folder, description.flavors)
    packages = environment.ensure(folder, settings.cache) if settings.requirements == "Install" else None
    prepared.write(Prepared(str(folder), fetched, str(packages or "")))
    return notes(description)


def _files(settings: Settings) -> tuple[Path, bool]:
    """The model's folder, and whether it was fetched."""
    path = settings.model_path
    if settings.model_uri and not (path.is_absolute() and (path / "MLmodel").exists()):
        return fetch(settings.model_uri, settings.cache), True
    wait_for_model(path)
    return path, False


def _collect(folder: Path) -> None:
    try:
        for entry in cache.collect(folder, time.time()):
            log.info("nothing uses %s any more: it is removed", entry)
    except OSError as error:
        log.warning("the cache was not tidied: %s", error)


if __name__ == "__main__":
    sys.exit(main())
