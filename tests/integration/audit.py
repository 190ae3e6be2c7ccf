"""What the operator's user asked of the API server, by its audit log."""

import contextlib
import json
from collections.abc import Callable, Iterator

from tests.integration.apiserver import WRITES, ApiServer
from tests.integration.kube import Body, eventually


@contextlib.contextmanager
def audited(server: ApiServer) -> Iterator[Callable[[], list[Body]]]:
    """Collects what is asked meanwhile: call the answer for the entries of all that has begun by then."""
    start = server.audit.stat().st_size
    # Discovery is about no object.
    yield lambda: [entry for entry in answered(server, start) if "objectRef" in entry]


def answered(server: ApiServer, start: int = 0) -> list[Body]:
    """The entries from a place of the log on (bytes), one for each request that began after it.

    Watchers see a write before it is answered, and its entry is written after that: what has begun is
    waited for. Reads have one entry, when they end.
    """
    began = {entry["auditID"] for entry in _entries(server, start) if entry["stage"] == "RequestReceived"}

    def ended() -> list[Body] | None:
        found = [entry for entry in _entries(server, start) if entry["stage"] != "RequestReceived"]
        return found if began <= {entry["auditID"] for entry in found} else None

    found = eventually(ended, "each write that began is answered") if began else ended() or []
    return [entry for entry in found if entry["verb"] not in WRITES or entry["auditID"] in began]


def _entries(server: ApiServer, start: int) -> list[Body]:
    with server.audit.open() as log:
        log.seek(start)
        return [json.loads(line) for line in log if line.endswith("\n")]


def writes(entries: list[Body]) -> list[str]:
    """verb and resource of each write that was carried out, Events and the Lease aside."""
    out = []
    for entry in entries:
        about = entry["objectRef"]
        done = entry["responseStatus"]["code"] < 300
        if done and entry["verb"] in WRITES and about["resource"] not in ("events", "leases"):
            sub = f"/{about['subresource']}" if about.get("subresource") else ""
            out.append(f"{entry['verb']} {about['resource']}{sub}")
    return out
