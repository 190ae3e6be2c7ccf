"""Serves a folder of git repositories by smart HTTP to one user: git's own http-backend behind basic authentication.

Runs anywhere that has Python and git: `python git_server.py FOLDER HOST PORT USER PASSWORD`.
"""

import base64
import subprocess
import sys
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

BACKEND = Path(
    subprocess.run(["git", "--exec-path"], capture_output=True, text=True, check=True).stdout.strip()
)


class Handler(BaseHTTPRequestHandler):
    """Without a password everybody may read. old: hands out branches and tags alone, no single commits."""

    def __init__(self, folder: str, user: str, password: str, old: bool, *rest: object) -> None:
        self._folder = folder
        self._old = old
        self._wanted = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode() if password else ""
        super().__init__(*rest)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        if self._wanted and self.headers.get("Authorization") != self._wanted:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="git"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        url = urlsplit(self.path)
        length = int(self.headers.get("Content-Length", "0"))
        environment = {
            "GIT_PROJECT_ROOT": self._folder,
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_PROTOCOL": "" if self._old else self.headers.get("Git-Protocol", ""),
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "safe.directory",
            "GIT_CONFIG_VALUE_0": "*",
            "PATH_INFO": url.path,
            "QUERY_STRING": url.query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(length),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "PATH": "/usr/local/bin:/usr/bin:/bin",
        }
        done = subprocess.run(
            [BACKEND / "git-http-backend"],
            input=self.rfile.read(length),
            env=environment,
            capture_output=True,
            check=False,
        )
        head, _, body = done.stdout.partition(b"\r\n\r\n")
        lines = [line.split(": ", 1) for line in head.decode().splitlines()]
        said = dict(line for line in lines if len(line) == 2)
        self.send_response(int(said.pop("Status", "200").split()[0]))
        for name, value in {**said, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815

    def log_message(self, *words: object) -> None:
        """Says nothing."""


def server(
    folder: Path,
    host: str = "127.0.0.1",
    port: int = 0,
    user: str = "",
    password: str = "",
    old: bool = False,
) -> ThreadingHTTPServer:
    """Listens; call serve_forever."""
    return ThreadingHTTPServer((host, port), partial(Handler, str(folder), user, password, old))


if __name__ == "__main__":
    folder, host, port, user, password = sys.argv[1:]
    server(Path(folder), host, int(port), user, password).serve_forever()
