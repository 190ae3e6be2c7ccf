"""Runs programs, says what is being done, and keeps two runs from doing the same thing at once."""

import contextlib
import fcntl
import os
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

from cluster import paths

Command = Sequence[str | Path]
HEARTBEAT_SECONDS = 15


class Problem(Exception):  # noqa: N818 - it is shown to the user as a sentence, not as an error
    """What stops a verb: a sentence that says what is wrong and what to do."""


def say(text: str) -> None:
    print(text, flush=True)


def output(command: Command, *, env: Mapping[str, str] | None = None, stdin: str | None = None) -> str:
    """What the program prints. Raises Problem, with the end of its errors, where it fails."""
    try:
        done = subprocess.run(
            command, env=_environment(env), input=stdin, capture_output=True, text=True, check=False
        )
    except FileNotFoundError as e:
        raise Problem(f"{command[0]} is not installed.") from e
    if done.returncode != 0:
        raise Problem(f"`{shown(command)}` failed:\n{_tail(done.stderr or done.stdout)}")
    return done.stdout.strip()


def works(command: Command, *, env: Mapping[str, str] | None = None, seconds: float = 30) -> bool:
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        done = subprocess.run(
            command, env=_environment(env), capture_output=True, timeout=seconds, check=False
        )
        return done.returncode == 0
    return False


def long(
    what: str,
    minutes: float,
    command: Command,
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> None:
    """Runs a step that takes its time: says what and how long it may take, and the time that has gone.

    The program's own words go to a log, whose end is shown if it fails.
    """
    log = paths.cache() / "log" / f"{what.replace(' ', '-').replace('/', '-')}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    say(f"  {what} (about {_spoken(minutes)})")
    began = time.monotonic()
    with log.open("w") as words:
        process = subprocess.Popen(
            command, env=_environment(env), cwd=cwd, stdout=words, stderr=subprocess.STDOUT
        )
        _wait(process, began)
    if process.returncode != 0:
        raise Problem(
            f"{what}: `{shown(command)}` failed:\n{_tail(log.read_text(errors='replace'))}\nAll of it: {log}"
        )
    say(f"    done after {_clock(began)}")


@contextlib.contextmanager
def locked(name: str) -> Iterator[None]:
    """One run at a time for what is called `name`, on this machine. The lock ends with the process."""
    file = paths.cache() / "lock" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w") as handle:
        _acquire(handle, name)
        yield


def shown(command: Command) -> str:
    return " ".join(str(word) for word in command)


def _acquire(handle: IO[str], name: str) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        say(f"  waiting for another run that is at work on the {name}")
        fcntl.flock(handle, fcntl.LOCK_EX)


def _wait(process: subprocess.Popen[bytes], began: float) -> None:
    try:
        while True:
            try:
                process.wait(timeout=HEARTBEAT_SECONDS)
                return
            except subprocess.TimeoutExpired:
                say(f"    {_clock(began)}")
    except BaseException:
        process.terminate()
        process.wait()
        raise


def _environment(extra: Mapping[str, str] | None) -> dict[str, str]:
    return {**os.environ, **(extra or {})}


def _tail(text: str, lines: int = 15) -> str:
    return "\n".join(text.strip().splitlines()[-lines:])


def _clock(began: float) -> str:
    minutes, seconds = divmod(round(time.monotonic() - began), 60)
    return f"{minutes}:{seconds:02}"


def _spoken(minutes: float) -> str:
    return f"{round(minutes * 60)} s" if minutes < 1 else f"{minutes:g} min"
