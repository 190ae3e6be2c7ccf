"""An SSH server on loopback that lets one key read a folder of git repositories."""

import asyncio
import shlex
import threading
from asyncio.subprocess import PIPE
from pathlib import Path
from typing import Any

import asyncssh


class SshServer:
    """
    Attributes:
        key: the private key that it lets in; known_hosts: the line that names its own.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._host_key = asyncssh.generate_private_key("ssh-ed25519")
        self._users_key = asyncssh.generate_private_key("ssh-ed25519")
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._acceptor = self._here(self._listen())
        self.port = self._acceptor.get_port()
        self.key = a_key(self._users_key)
        self.known_hosts = f"[127.0.0.1]:{self.port} {self._host_key.export_public_key().decode()}"

    def _here(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    async def _listen(self) -> Any:
        keys = asyncssh.import_authorized_keys(self._users_key.export_public_key().decode())
        return await asyncssh.listen(
            "127.0.0.1",
            0,
            server_host_keys=[self._host_key],
            authorized_client_keys=keys,
            process_factory=self._run,
            encoding=None,
        )

    async def _run(self, process: Any) -> None:
        program, repository = shlex.split(process.command)
        assert program == "git-upload-pack"
        served = await asyncio.create_subprocess_exec(
            program, f"{self._folder}{repository}", stdin=PIPE, stdout=PIPE, stderr=PIPE
        )
        await process.redirect(stdin=served.stdin, stdout=served.stdout, stderr=served.stderr)
        process.exit(await served.wait())
        await process.wait_closed()

    async def _end(self) -> None:
        self._acceptor.close()
        await self._acceptor.wait_closed()
        while left := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(left)

    def close(self) -> None:
        self._here(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


def a_key(key: Any = None) -> str:
    """A private key as ssh-keygen writes it; a new one unless one is given."""
    return str((key or asyncssh.generate_private_key("ssh-ed25519")).export_private_key("openssh").decode())
