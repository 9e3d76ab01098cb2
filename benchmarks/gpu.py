"""One command that proves training on a GPU: `make gpu-check`; at toy sizes without one: ``gpu.py --device cpu --toy``.

Each part is a process of its own, stopped after its time; what it measures is in the results file at once. A part that is
there already is not measured again (--again does), so that a check that was cut off goes on. Nothing is downloaded: the data
are the library sources of the running Python, and torch and transformers come from the machine. At the end docs/gpu.md
is written from the results.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PARTS = {  # seconds each may take
    "eager": 90,
    "compiled": 90,
    "largest": 90,
    "tests": 90,
    "precision": 90,
    "branching": 90,
    "stacks": 90,
    "nccl": 60,
    "sweep": 90,
}


def main() -> None:
    """Run the parts that are missing from the results, in order, within the total time; then write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda", choices=("cuda", "cpu"))
    parser.add_argument("--toy", action="store_true", help="tiny sizes: does everything run?")
    parser.add_argument("--folder", type=Path, default=ROOT / "data/trained/gpu-check", help="where it works (default: %(default)s)")
    parser.add_argument("--results", type=Path, default=ROOT / "benchmarks/gpu.json", help="default: %(default)s")
    parser.add_argument("--page", type=Path, default=ROOT / "docs/gpu.md", help="default: %(default)s")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--seconds", type=float, default=520, help="of all parts together (default: %(default)s)")
    parser.add_argument("--sweep-seconds", type=float, default=75, help="of training in the part sweep (default: %(default)s)")
    parser.add_argument("--again", action="store_true", help="measure parts again that are in the results")
    parser.add_argument("--here", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.here:
        measure(arguments)
        return
    check(arguments)


def check(arguments) -> None:
    """The parts one after the other, each in a process; a status other than 0 is recorded as the part's `failed`."""
    begin = time.monotonic()
    for part in arguments.parts:
        left = arguments.seconds - (time.monotonic() - begin)
        limit = min(left, PARTS[part] + (max(arguments.sweep_seconds - 75, 0) if part == "sweep" else 0))
        done = load(arguments.results).get(part, {})
        if done.get("finished") and not arguments.again:
            continue
        if left < 20:
            print(f"{part}: no time is left for it; run the same command again", flush=True)
            continue
        sweep = min(arguments.sweep_seconds, limit - 15)
        command = [sys.executable, __file__, "--here", part, "--device", arguments.device, "--sweep-seconds", str(sweep)]
        command += ["--toy"] if arguments.toy else []
        command += ["--folder", arguments.folder, "--results", arguments.results]
        path = os.pathsep.join([str(ROOT / "src"), str(ROOT / "benchmarks"), os.environ.get("PYTHONPATH", "")])
        start = time.monotonic()
        try:
            status = subprocess.run(command, check=False, timeout=limit, env=os.environ | {"PYTHONPATH": path}, cwd=ROOT).returncode
        except subprocess.TimeoutExpired:
            status = f"stopped after {limit:.0f} s"
        found = load(arguments.results)
        found[part] = {**found.get(part, {}), "finished": status == 0, "status": status, "seconds": round(time.monotonic() - start, 1)}
        save(arguments.results, found)
        print(f"{part}: status {status}, {found[part]['seconds']} s", flush=True)
    from gpu_parts.page import page, table

    found = load(arguments.results)
    arguments.page.write_text(page(found, arguments.toy))
    print("\n" + table(found), flush=True)
    failed = [part for part in arguments.parts if not found.get(part, {}).get("finished")]
    if failed:
        raise SystemExit(f"not finished: {', '.join(failed)}; what they found is in {arguments.results}")


def measure(arguments) -> None:
    """One part, in this process."""
    from gpu_parts import branching, nccl, precision, stacks, sweep, tests, throughput
    from gpu_parts.bench import Bench

    bench = Bench(arguments.device, arguments.toy, arguments.folder, arguments.results, arguments.here)
    run = {
        "eager": throughput.run_eager,
        "compiled": throughput.run_compiled,
        "largest": throughput.run_largest,
        "tests": tests.run,
        "precision": precision.run,
        "branching": branching.run,
        "stacks": stacks.run,
        "nccl": nccl.run,
        "sweep": lambda bench: sweep.run(bench, arguments.sweep_seconds),
    }
    run[arguments.here](bench)


def load(path: Path) -> dict:
    """The results so far."""
    return json.loads(path.read_text()) if path.is_file() else {}


def save(path: Path, found: dict) -> None:
    """Write the results, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".part")
    temporary.write_text(json.dumps(found, indent=1) + "\n")
    temporary.replace(path)


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT / "src"))
    main()
