"""Kill a command again and again at random moments, go on with it, and see that nothing was lost.

By itself: ``python -m tests.killing --times 20`` kills ``python -m eval run`` on the dev cases, and
compares what it ends with to a run that was left alone.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PREDICTIONS = "predictions.jsonl"


def lines(path):
    return path.read_bytes().count(b"\n") if path.exists() else 0


def kill(command, environment, path, moment):
    """Start a command and kill it at a moment: after seconds, or when so many lines were added; tell what it had."""
    had = lines(path)
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    start = time.monotonic()

    def reached():
        return time.monotonic() - start >= moment if isinstance(moment, float) else lines(path) >= had + moment

    while process.poll() is None and not reached():
        time.sleep(0.005)  # a file that grows gives no event
    ended = process.poll() is not None
    process.kill()
    process.wait()
    assert not ended or process.returncode == 0
    return None if ended else lines(path)


def go_through(folder, arguments, environment, moments):
    """Run ``eval run`` into a folder, killed at each moment till it ends; tell how many lines stood at each kill."""
    command = [sys.executable, "-m", "eval", "run", "--out", str(folder), "--resume", *arguments]
    stood = []
    for moment in moments:
        found = kill(command, environment, folder / PREDICTIONS, moment)
        if found is None:
            return stood
        stood.append(found)
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)
    return stood


def stable(folder, name=PREDICTIONS):
    """Read a file of a run without what differs from run to run by itself."""
    rows = [json.loads(line) for line in (folder / name).read_text("utf-8").splitlines()]
    return [{key: value for key, value in row.items() if key != "latency_ms"} for row in rows]


def differing(one, other):
    """Name what differs between two runs: file, case, field and both values."""
    found = []
    for name in (PREDICTIONS, "scores.jsonl"):
        rows, others = ({row["id"]: row for row in stable(folder, name)} for folder in (one, other))
        if list(rows) != list(others):
            found.append(f"{name}: {len(rows)} and {len(others)} rows, or another order")
        for key in rows.keys() & others.keys():
            fields = [field for field in rows[key] if rows[key][field] != others[key].get(field)]
            found += [f"{name} {key} {field}: {rows[key][field]} | {others[key].get(field)}" for field in fields]
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--cases", default="eval/cases/dev.jsonl")
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    arguments = ["--cases", chosen.cases]
    rng = random.Random(chosen.seed)
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder, "whole")
        command = [sys.executable, "-m", "eval", "run", "--out", str(whole), *arguments]
        start = time.monotonic()
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
        seconds = time.monotonic() - start
        most = lines(whole / PREDICTIONS) // 8
        killed, found, runs = 0, [], 0
        while killed < chosen.times:
            runs += 1
            broken = Path(folder, f"broken-{runs}")
            left = range(chosen.times - killed)
            moments = [rng.uniform(0.1, seconds) if rng.random() < 0.5 else rng.randint(1, most) for _ in left]
            stood = go_through(broken, arguments, dict(os.environ), moments)
            killed += len(stood)
            found += differing(whole, broken)
            sys.stdout.write(f"run {runs}: killed {len(stood)} times, at {stood} lines; what differs so far: {found}\n")
            sys.stdout.flush()
        sys.exit(bool(found))


if __name__ == "__main__":
    main()
