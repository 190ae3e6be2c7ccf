"""Programs that fail say why, and two runs do not do the same at once."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cluster import paths, shell, sysctls
from cluster.shell import Problem


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_a_program_that_fails_is_shown_with_its_last_words():
    with pytest.raises(Problem, match="`sh -c echo why >&2; exit 3` failed:\nwhy"):
        shell.output(["sh", "-c", "echo why >&2; exit 3"])


def test_a_program_that_is_missing_is_named():
    with pytest.raises(Problem, match="no-such-program is not installed"):
        shell.output(["no-such-program"])


def test_a_long_step_says_what_it_does_and_how_long_it_may_take(capsys: pytest.CaptureFixture[str]):
    shell.long("making tea", 0.1, ["true"])
    assert capsys.readouterr().out == "  making tea (about 6 s)\n    done after 0:00\n"


def test_a_long_step_that_fails_shows_its_end_and_where_the_rest_is():
    with pytest.raises(Problem, match=r"(?s)making tea.*no water.*All of it: .*making-tea\.log"):
        shell.long("making tea", 0.1, ["sh", "-c", "echo no water; exit 1"])


def test_a_second_run_waits_for_the_first_and_says_so():
    waits = "from cluster.shell import locked\nwith locked('thing'): print('got it', flush=True)"
    with shell.locked("thing"):
        second = subprocess.Popen(
            [sys.executable, "-c", waits],
            cwd=paths.REPOSITORY,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ,
        )
        assert second.stdout
        assert second.stdout.readline() == "  waiting for another run that is at work on the thing\n"
    assert second.communicate(timeout=30)[0] == "got it\n"


def test_kernel_settings_come_back_as_they_were_before_the_first_cluster(tmp_path: Path):
    settings = tmp_path / "sys"
    panic, overcommit = settings / "kernel/panic", settings / "vm/overcommit_memory"
    for file, value in ((panic, "1\n"), (overcommit, "0\n")):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(value)
    sysctls.record(settings)
    panic.write_text("10\n")
    sysctls.record(settings)  # a second cluster: its values are the kubelet's
    sysctls.restore(settings)
    assert (panic.read_text(), overcommit.read_text()) == ("1", "0\n")
    panic.write_text("10\n")
    sysctls.restore(settings)  # nothing is kept any more
    assert panic.read_text() == "10\n"
