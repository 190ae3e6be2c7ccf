"""Runs the project's images as a restricted pod would: no network, read-only root, the image's own user."""

import json
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[2]
VERSION = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["version"]

RESTRICTED = [
    "--read-only",
    "--tmpfs=/tmp",
    "--cap-drop=all",
    "--security-opt=no-new-privileges",
    # podman asks for more than some machines allow
    "--ulimit=nofile=1024:1024",
    "--ulimit=nproc=4096:4096",
]
# What runs in a container to ask the server beside it; its answer is [status, body].
ASK = """
import json, sys, urllib.error, urllib.request as request
url, body = sys.argv[1], sys.argv[2].encode() or None
try:
    answer = request.urlopen(request.Request(url, body, {"Content-Type": "application/json"}), timeout=60)
except urllib.error.HTTPError as refused:
    answer = refused
print(json.dumps([answer.status, answer.read().decode()]))
"""


def tag(name: str) -> str:
    return f"localhost/modelcycle/{name}:{VERSION}"


class Engine:
    """docker or podman, whichever holds the images."""

    def __init__(self, command: list[str]) -> None:
        self.command = command

    def __call__(self, *arguments: str) -> str:
        done = subprocess.run([*self.command, *arguments], capture_output=True, text=True, check=False)
        assert done.returncode == 0, (
            f"{arguments[0]} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
        )
        return done.stdout.strip()

    def holds(self, name: str) -> bool:
        inspect = [*self.command, "image", "inspect", tag(name)]
        return subprocess.run(inspect, capture_output=True, check=False).returncode == 0

    def run(self, image: str, *command: str, network: str = "none", options: tuple[str, ...] = ()) -> str:
        """What a container of `image` prints; its entrypoint gives way to `command`, as in a Pod."""
        return self(
            "run",
            "--rm",
            f"--network={network}",
            *RESTRICTED,
            *options,
            f"--entrypoint={command[0]}",
            tag(image),
            *command[1:],
        )

    def python(self, image: str, code: str, *arguments: str, options: tuple[str, ...] = ()) -> Any:
        """The JSON that `code` prints in a container of `image`."""
        return json.loads(self.run(image, "python", "-c", code, *arguments, options=options).splitlines()[-1])

    def start(self, image: str, *command: str, options: tuple[str, ...] = ()) -> str:
        """The id of a container in the background."""
        return self("run", "--detach", "--network=none", *RESTRICTED, *options, tag(image), *command)

    def ask(self, container: str, url: str, body: str = "") -> tuple[int, str]:
        """Status and body of what the server in `container` answers."""
        status, answer = json.loads(self("exec", container, "python", "-c", ASK, url, body))
        return status, answer

    def wait_for(self, container: str, words: str) -> None:
        """Follows the container's log until a line has `words`; fails with the log if it ends before."""
        seen = ""
        follow = [*self.command, "logs", "--follow", container]
        with subprocess.Popen(follow, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as logs:
            assert logs.stdout is not None
            for line in logs.stdout:
                seen += line
                if words in line:
                    logs.kill()
                    return
        raise AssertionError(f"{container} ended without {words!r}:\n{seen}")

    def remove(self, container: str) -> None:
        self("rm", "--force", container)


def find() -> Engine | None:
    """The engine that holds all images, or None."""
    for name in ("docker", "podman"):
        # Debian 12's crun refuses the mixed control groups that some machines have.
        runtime = ["--runtime=runc"] if name == "podman" and shutil.which("runc") else []
        engine = Engine([name, *runtime])
        if shutil.which(name) and all(engine.holds(image) for image in ("operator", "train", "serve")):
            return engine
    return None
