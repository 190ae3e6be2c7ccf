"""The README runs: its commands are run in their order, and what it shows is what is there."""

import contextlib
import os
import re
import signal
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.e2e.kube import MINE
from tests.e2e.runs import training_run

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# `make demo` and `make test` run this test, and others like it.
MAKES = re.compile(r"^make [a-z-]+$")


def blocks(language: str) -> list[str]:
    return [text for found, text in BLOCK.findall(README) if found == language]


def bash(script: str) -> str:
    """What a block prints. AssertionError where it fails."""
    code, output = shell(script)
    assert code == 0, f"{script}\n{output}"
    return output


def shell(script: str) -> tuple[int, str]:
    """Runs a block as a reader's shell does; what it leaves in the background ends with it."""
    path = f"{ROOT / '.cluster/bin'}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "KUBECONFIG": str(ROOT / ".cluster/kubeconfig")}
    shell = subprocess.Popen(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    lines: list[str] = []
    assert shell.stdout is not None
    try:
        code = shell.wait(900)
    finally:
        with contextlib.suppress(ProcessLookupError):  # nothing was left in the background
            os.killpg(shell.pid, signal.SIGTERM)
        lines.append(shell.stdout.read())
    return code, "".join(lines)


def columns(shown: str) -> list[str]:
    return re.split(r"\s{2,}", shown.splitlines()[0].strip())


@pytest.fixture(scope="module")
def outputs(installation: None) -> list[tuple[str, str]]:
    """(block, output) of each block of commands, run from top to bottom on an empty namespace."""
    bash(
        "kubectl delete trainingruns,modeldeployments --all --wait; kubectl delete service iris --ignore-not-found"
    )
    out = [(block, bash(block)) for block in blocks("sh") if not MAKES.match(block.strip())]
    bash("kubectl delete trainingruns,modeldeployments --all --wait")
    return out


def test_every_command_of_the_readme_runs(outputs: list[tuple[str, str]]):
    assert len(outputs) == len(blocks("sh")) - 2


def test_the_tables_that_it_shows_have_the_columns_that_kubectl_prints(outputs: list[tuple[str, str]]):
    for kind in ("trainingruns", "modeldeployments"):
        printed = next(o for block, o in outputs if f"kubectl get {kind}" in block)
        shown = next(b for b in blocks("console") if columns(b) == columns(printed[printed.index("NAME ") :]))
        assert shown


def test_the_prediction_that_it_shows_is_what_the_model_answers(outputs: list[tuple[str, str]]):
    printed = next(o for block, o in outputs if "curl" in block)
    assert blocks("console")[-1].strip() in printed


def stage() -> str:
    """The stage of a pipeline."""
    return next(block for block in blocks("sh") if "condition=Complete" in block)


def test_the_stage_of_a_pipeline_has_six_lines_and_prints_the_version_last(outputs: list[tuple[str, str]]):
    assert len(stage().splitlines()) == 6
    printed = next(output for block, output in outputs if block == stage())
    assert re.fullmatch(r"[0-9]+", printed.splitlines()[-1])


def test_the_stage_of_a_pipeline_fails_where_the_run_fails_and_says_why(installation: None, tmp_path: Path):
    run = training_run("", ["python", "-c", "raise SystemExit('there is no data')"])
    run["metadata"] = {"generateName": "e2e-stage-", "labels": MINE}
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(run))
    code, printed = shell(stage().replace("examples/runs/iris.yaml", str(tmp_path / "run.yaml")))
    assert code == 1
    assert "there is no data" in printed


def test_its_make_verbs_exist():
    for verb in re.findall(r"`?make ([a-z-]+)`?", README):
        done = subprocess.run(["make", "-n", verb], cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"make {verb}: {done.stderr}"


def test_the_resources_that_it_shows_are_the_examples():
    shown = [yaml.safe_load(block) for block in blocks("yaml")]
    files = ("examples/runs/iris.yaml", "examples/modeldeployment.yaml")
    assert shown == [yaml.safe_load((ROOT / file).read_text()) for file in files]


def test_the_files_and_folders_that_it_names_exist():
    for path in re.findall(
        r"`((?:examples|docs|operator|charts|cluster|crds|[a-z]+-image)/[\w./-]*)`", README
    ):
        assert (ROOT / path).exists(), path
