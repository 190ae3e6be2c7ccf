"""As much of a kubelet as answers for logs: the real API server asks it, by TLS, as it asks a real one."""

import contextlib
import http.server
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

from tests.integration.kube import Kube

NODE = "kubelet"


class Kubelet:
    """logs: by name of a pod; a pod that is not among them answers 500."""

    def __init__(self) -> None:
        self.logs: dict[str, bytes] = {}

    def answer(self, path: str) -> tuple[int, bytes]:
        """path: /containerLogs/NAMESPACE/POD/CONTAINER"""
        pod = path.split("?")[0].split("/")[3]
        return (200, self.logs[pod]) if pod in self.logs else (500, b"the disk is gone")


@contextlib.contextmanager
def running(folder: Path, kube: Kube) -> Iterator[Kubelet]:
    """A node, and what listens where the node says that its kubelet does."""
    kubelet = Kubelet()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            code, body = kubelet.answer(self.path)
            self.send_response(code)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = _with_tls(folder).wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    kube.create({"apiVersion": "v1", "kind": "Node", "metadata": {"name": NODE}}, "")
    status = {
        "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": server.server_port}},
    }
    kube.patch_status("Node", "", NODE, status)
    yield kubelet
    kube.delete("Node", "", NODE)
    server.shutdown()


def _with_tls(folder: Path) -> ssl.SSLContext:
    key, certificate = str(folder / "kubelet.key"), str(folder / "kubelet.crt")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=127.0.0.1"]
    subprocess.run([*command, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context
