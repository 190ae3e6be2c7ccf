"""What happens to objects, timed by a watch: Kubernetes' own times are whole seconds."""

import subprocess
import threading
import time
from types import TracebackType
from typing import Self

from tests.e2e.kube import NAMESPACE, STATE

# Of an object that the operator makes for a version; of a Service, the revision that it selects, v<version>-<hash>.
VERSION = r"{.metadata.labels.modelcycle\.dev/version}"
SELECTED = r"{.spec.selector.modelcycle\.dev/revision}"
_POD = (
    '{.spec.containers[0].env[?(@.name=="MODELCYCLE_MODEL_VERSION")].value}',
    "{.status.initContainerStatuses[0].state}",
    "{.status.containerStatuses[0].state}",
    "{.status.containerStatuses[0].ready}",
)


class Watch:
    """`kubectl get --watch` in a thread: when each line came first, in seconds since the epoch."""

    def __init__(self, kind: str, selector: str, line: str) -> None:
        """line: what is printed of an object, as a jsonpath."""
        self.seen: dict[str, float] = {}
        self._over = threading.Event()
        where = (f"--kubeconfig={STATE / 'kubeconfig'}", f"--namespace={NAMESPACE}")
        command = [str(STATE / "bin" / "kubectl"), *where, "get", kind, f"--selector={selector}", "--watch"]
        self._command = [*command, f"--output=jsonpath={line}{{'\\n'}}"]

    def __enter__(self) -> Self:
        self._start()
        self._thread = threading.Thread(target=self._read)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        while self._thread.is_alive():
            self._process.terminate()
            self._thread.join(1)

    def _start(self) -> None:
        self._process = subprocess.Popen(self._command, stdout=subprocess.PIPE, text=True)

    def _read(self) -> None:
        """The API server ends a watch after half an hour or an hour: then it is begun again."""
        while not self._over.is_set():
            assert self._process.stdout
            for line in self._process.stdout:
                self.seen.setdefault(line.strip(), time.time())
            self._process.wait()
            if not self._over.wait(0.1):
                self._start()

    def first(self, start: str) -> float | None:
        """When the first line that begins so came."""
        return next((at for line, at in list(self.seen.items()) if line.startswith(start)), None)


class PodWatch(Watch):
    """How far the pods of each version are."""

    def __init__(self, selector: str) -> None:
        super().__init__("pods", selector, "|".join(_POD))

    def steps(self, version: str) -> dict[str, float]:
        """When the first pod of a version was at each step."""
        found: dict[str, float] = {}
        for line, at in list(self.seen.items()):
            of, prepares, serves, ready = line.split("|")
            if of != version:
                continue
            reached = {
                "prepares": "running" in prepares or "terminated" in prepares,
                "prepared": "terminated" in prepares,
                "starts": "running" in serves,
                "ready": ready == "true",
            }
            for step in (step for step, so in reached.items() if so):
                found.setdefault(step, at)
        return found
