"""One command that proves training on a GPU: `make gpu-check`; at toy sizes without one: ``gpu.py --device cpu --toy``.

Each part is a process of its own, stopped after its time; what it measures is in the results file at once. A part that is
there already is not measured again (--again does), so that a check that was cut off goes on. Nothing is downloaded: the data
are the library sources of the running Python, and torch and transformers come from the machine. At the end docs/gpu.md
is written from the results.
"""

import argparse
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "benchmarks")]

from gpu_parts.results import load, update

TIMED = ("eager", "compiled", "largest", "stacks")  # alone on the machine, one after the other
BESIDE = ("tests", "precision", "branching", "resume", "nccl")  # then these, three at a time: they measure no time
LAST = ("sweep",)  # as long as there is time
PARTS = (*TIMED, *BESIDE, *LAST)
LIMIT = {"cuda": 90, "cpu": 600}  # seconds a part may take


def main() -> None:
    """Run the parts that are missing from the results, in order, within the total time; then write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda", choices=("cuda", "cpu"))
    parser.add_argument("--toy", action="store_true", help="tiny sizes: does everything run?")
    parser.add_argument("--folder", type=Path, default=ROOT / "data/trained/gpu-check", help="where it works (default: %(default)s)")
    parser.add_argument("--results", type=Path, default=ROOT / "benchmarks/gpu.json", help="default: %(default)s")
    parser.add_argument("--page", type=Path, default=ROOT / "docs/gpu.md", help="default: %(default)s")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS, metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--seconds", type=float, default=520, help="of all parts together (default: %(default)s)")
    parser.add_argument("--sweep-seconds", type=float, default=50, help="of training in the part sweep (default: %(default)s)")
    parser.add_argument("--again", action="store_true", help="measure parts again that are in the results")
    parser.add_argument("--here", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.here:
        measure(arguments)
        return
    check(arguments)


def check(arguments) -> None:
    """Every part in a process of its own; a status other than 0 is in the results."""
    end = time.monotonic() + arguments.seconds
    found = load(arguments.results)
    wanted = [part for part in arguments.parts if arguments.again or not found.get(part, {}).get("finished")]
    for part in TIMED:
        if part in wanted:
            run_part(part, arguments, end)
    with ThreadPoolExecutor(2 if arguments.device == "cpu" else 3) as pool:
        list(pool.map(lambda part: run_part(part, arguments, end), [part for part in BESIDE if part in wanted]))
    for part in LAST:
        if part in wanted:
            run_part(part, arguments, end)
    from gpu_parts.page import page, table

    found = load(arguments.results)
    arguments.page.write_text(page(found, arguments.toy))
    print("\n" + table(found), flush=True)
    if failed := [part for part in arguments.parts if not found.get(part, {}).get("finished")]:
        raise SystemExit(f"not finished: {', '.join(failed)}; what they found is in {arguments.results}")


def run_part(part: str, arguments, end: float) -> None:
    """Run a part until it is done, its time is up, or all of the time is; note how it ended."""
    start = time.monotonic()
    limit = min(end - start, LIMIT[arguments.device] if part != "sweep" else arguments.sweep_seconds + 40)
    if limit < 20:
        print(f"{part}: no time is left for it; run the same command again", flush=True)
        return
    seconds = min(arguments.sweep_seconds, limit - 40)
    command = [sys.executable, __file__, "--here", part, "--device", arguments.device, "--sweep-seconds", str(seconds)]
    command += ["--toy"] if arguments.toy else []
    command += ["--folder", arguments.folder, "--results", arguments.results]
    path = os.pathsep.join([str(ROOT / "src"), str(ROOT / "benchmarks"), os.environ.get("PYTHONPATH", "")])
    environment = os.environ | {"PYTHONPATH": path}
    process = subprocess.Popen(command, env=environment, cwd=ROOT, start_new_session=True)  # with its children, which end with it
    try:
        status = process.wait(limit)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        status = f"stopped after {limit:.0f} s"
        process.wait()
    took = round(time.monotonic() - start, 1)
    update(arguments.results, part, {"finished": status == 0, "status": status, "seconds": took})
    print(f"{part}: status {status}, {took} s", flush=True)


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
        "resume": branching.run_killed,
        "stacks": stacks.run,
        "nccl": nccl.run,
        "sweep": lambda bench: sweep.run(bench, arguments.sweep_seconds),
    }
    run[arguments.here](bench)


if __name__ == "__main__":
    main()
