"""A serving process as the container starts it, on a loopback port that the machine chooses."""

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections import deque
from pathlib import Path
from typing import Any

SERVICE = Path(__file__).parents[3] / "serve-image" / "service"


class ServingProcess:
    """`python -m modelserver` for the model in `folder`; `env` adds to its environment."""

    def __init__(self, folder: Path, scratch: Path, **env: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "modelserver"],
            stderr=subprocess.PIPE,
            text=True,
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": str(SERVICE),
                "HOME": str(scratch),
                "BENTOML_HOME": str(scratch / "bentoml"),
                "BENTOML_DO_NOT_TRACK": "true",
                "MLFLOW_DISABLE_TELEMETRY": "true",
                "MODELCYCLE_HOST": "127.0.0.1",
                "PORT": "0",
                "MODELCYCLE_MODEL_PATH": str(folder),
                "MODELCYCLE_MODEL_NAME": "tested",
                "MODELCYCLE_MODEL_VERSION": "3",
                **env,
            },
        )

    def listening(self) -> "ServingProcess":
        self.port = int(self.line(r"listening on \S+ port (\d+)")[1])
        return self

    def ready(self) -> "ServingProcess":
        self.listening()
        self.line("ready after")
        return self

    def unheard(self) -> "ServingProcess":
        """Reads on what it says on stderr, of which the last lines are kept: a full pipe would stop it."""
        self.last: deque[str] = deque(maxlen=50)
        threading.Thread(target=lambda: self.last.extend(self.process.stderr or ()), daemon=True).start()
        return self

    def line(self, pattern: str) -> re.Match[str]:
        """The next line of stderr that has `pattern`; waits for it."""
        assert self.process.stderr is not None
        seen = ""
        for line in self.process.stderr:
            if found := re.search(pattern, line):
                return found
            seen += line
        raise AssertionError(f"the process ended without a line like {pattern!r}:\n{seen}")

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    def ask(
        self, method: str, path: str, payload: Any = None, content_type: str = "application/json"
    ) -> tuple[int, str, http.client.HTTPMessage]:
        return ask(self.connect(), method, path, payload, content_type)

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def ended(self) -> tuple[int, str]:
        """The exit code, and what it still had to say on stderr."""
        said = self.process.communicate(timeout=120)[1]
        return self.process.returncode, said

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


def ask(
    connection: http.client.HTTPConnection,
    method: str,
    path: str,
    payload: Any = None,
    content_type: str = "application/json",
) -> tuple[int, str, http.client.HTTPMessage]:
    """Status, body and headers of one request."""
    body = payload if payload is None or isinstance(payload, bytes) else json.dumps(payload).encode()
    connection.request(method, path, body, {"Content-Type": content_type})
    response = connection.getresponse()
    return response.status, response.read().decode(), response.headers
