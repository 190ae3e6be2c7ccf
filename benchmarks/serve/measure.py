"""Starts servers, asks them, and weighs them."""

import http.client
import json
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

from benchmarks.serve.peers import Peer

LUA = Path(__file__).parent / "load.lua"
PATIENCE_SECONDS = 180


class Running:
    """A server of `peer` for the model in `folder`; `start_seconds` is from process start to its first answer."""

    def __init__(self, peer: Peer, folder: Path) -> None:
        self.peer, self.folder = peer, folder
        self.port = _free_port()
        peer.prepare(folder, self.port)
        command = peer.command(folder, self.port)
        self.log = folder / f"{peer.name.replace(' ', '-')}.log"
        # Environments of other Pythons must not leak into each other.
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
        began = time.monotonic()
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command,
                cwd=folder,
                env={**inherited, "MLFLOW_DISABLE_TELEMETRY": "true", **peer.env(folder)},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._wait(began + PATIENCE_SECONDS)
        self.start_seconds = time.monotonic() - began

    def _wait(self, deadline: float) -> None:
        body = self.peer.body([[5.1, 3.5, 1.4, 0.2]])
        while self.ask(body) != 200:
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise SystemExit(f"{self.peer.name} did not come up:\n{self.log.read_text()[-3000:]}")
            time.sleep(0.02)

    def ask(self, body: str) -> int:
        """The status of one request; 0 where nothing listens yet."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("POST", self.peer.path, body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            response.read()
            return response.status
        except OSError:
            return 0
        finally:
            connection.close()

    def load(self, body: Path, connections: int, seconds: int) -> dict[str, float]:
        """Requests a second, latency in milliseconds, and how many were not answered 200."""
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "-s", str(LUA)]
        url = f"http://127.0.0.1:{self.port}{self.peer.path}"
        said = subprocess.run([*command, url, "--", str(body)], check=True, capture_output=True, text=True)
        measured: dict[str, float] = json.loads(said.stdout.strip().splitlines()[-1])
        return measured

    def memory(self) -> float:
        """Resident MiB of the server and its children; what processes share counts once."""
        processes = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
        session = [pid for pid in processes if self._ours(pid)]
        if len(session) == 1:
            return _kib(f"/proc/{session[0]}/status", "VmRSS:") / 1024
        return sum(_kib(f"/proc/{pid}/smaps_rollup", "Pss:") for pid in session) / 1024

    def _ours(self, pid: int) -> bool:
        try:
            return os.getsid(pid) == self.process.pid
        except ProcessLookupError:
            return False

    def stop(self) -> None:
        """Ends it and its children."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self.process.pid, number)
                self.process.wait(10)
            except ProcessLookupError:
                break
            except subprocess.TimeoutExpired:
                continue
        self.process.wait()


def _kib(file: str, name: str) -> int:
    lines = Path(file).read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name))


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port
