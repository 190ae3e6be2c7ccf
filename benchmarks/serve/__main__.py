"""`python -m benchmarks.serve [--seconds 3] [--rounds 3] [--models iris,xgboost]`; exit code 1 below a bar that can be met."""

import argparse
import contextlib
import shutil
import tempfile
from pathlib import Path

from benchmarks.serve import models, report
from benchmarks.serve.measure import Running
from benchmarks.serve.peers import FLOOR, OURS, PEERS, REPOSITORY
from benchmarks.serve.stages import stages

ROWS, CONNECTIONS = (1, 100), (1, 16, 64)
# Starts of those that are compared by their start; of the others one is enough.
STARTS = 5


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=3, help="of load for each sample")
    parser.add_argument("--rounds", type=int, default=3, help="samples of each case; their median counts")
    parser.add_argument("--models", default="iris,xgboost")
    args = parser.parse_args()
    if not shutil.which("wrk"):
        raise SystemExit("wrk makes the load, and is not installed: apt-get install wrk")
    results: report.Results = {}
    for model in args.models.split(","):
        with tempfile.TemporaryDirectory(prefix="bench-serve-") as scratch:
            models.make(model, Path(scratch))
            results[model] = measure(model, Path(scratch), args.seconds, args.rounds)
            results[model][OURS]["stages"] = stages(Path(scratch))
    report.write(results, REPOSITORY / "benchmarks" / "results")
    print(report.table(results))
    good, said = report.verdict(results)
    print(f"\n{said}\n{'No bar is missed that the floor itself reaches.' if good else 'A bar is missed.'}")
    return 0 if good else 1


def measure(model: str, folder: Path, seconds: int, rounds: int) -> dict[str, dict[str, object]]:
    """Every peer's samples: the servers run side by side, and one at a time is under load, in turns."""
    starts = _starts(folder)
    bodies = {rows: folder / f"{rows}.json" for rows in ROWS}
    with contextlib.ExitStack() as stack:
        running = []
        for peer in PEERS:
            running.append(Running(peer, folder))
            stack.callback(running[-1].stop)
            starts.setdefault(peer.name, []).append(running[-1].start_seconds)
            print(f"{model}: {peer.name} is up after {running[-1].start_seconds:.1f} s", flush=True)
        loads: dict[str, dict[str, list[dict[str, float]]]] = {peer.name: {} for peer in PEERS}
        for turn in range(rounds):
            for rows in ROWS:
                for connections in CONNECTIONS:
                    for server in running:
                        body = bodies[rows].with_suffix(f".{server.port}")
                        body.write_text(server.peer.body(models.rows(rows)))
                        sample = server.load(body, connections, seconds)
                        loads[server.peer.name].setdefault(f"{rows}x{connections}", []).append(sample)
            print(f"{model}: round {turn + 1} of {rounds}", flush=True)
        return {
            server.peer.name: {
                "start": starts[server.peer.name],
                "memory": server.memory(),
                "load": loads[server.peer.name],
            }
            for server in running
        }


def _starts(folder: Path) -> dict[str, list[float]]:
    """Alternating starts of this server and the floor, after one of each that warms the page cache."""
    compared = [peer for peer in PEERS if peer.name in (FLOOR, OURS)]
    starts: dict[str, list[float]] = {}
    for turn in range(STARTS):
        for peer in compared:
            server = Running(peer, folder)
            server.stop()
            if turn:
                starts.setdefault(peer.name, []).append(server.start_seconds)
    return starts


if __name__ == "__main__":
    raise SystemExit(main())
