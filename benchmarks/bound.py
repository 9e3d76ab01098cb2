"""Time and memory of the bound at every t, against T: the usual loop over t, direct evaluation, and the fast transform.

Each measurement is a process of its own: `seconds` is the best call of up to three, `process` the wall time of the whole
process with interpreter start and imports, `bytes` the peak memory above that after the imports, per update, with the
schedule and the result. Writes docs/benchmarks.md and docs/benchmarks.svg; run by `make bench`.
"""

import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

DOCS = Path(__file__).resolve().parents[1] / "docs"
HALF_DECADES = [100, 300, 1000, 3000, 10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000, 10_000_000]
LARGEST = {"loop": 30_000, "direct": 100_000, "fast": 10_000_000}  # what each does within a minute
LABELS = {"loop": "loop over t", "direct": "direct", "fast": "fast"}


def loop(lr):
    """The bound at every t as one writes it down: the three-term formula for each t, gaps by subtracting prefix sums."""
    sums, noises = np.cumsum(lr), np.cumsum(lr**2)
    result = np.empty(lr.size)
    for t in range(1, lr.size + 1):
        gaps = sums[t - 1] - np.concatenate([[0.0], sums[: t - 1]])  # S_t - S_{k-1} for k = 1..t
        remaining = noises[t - 1] - np.concatenate([[0.0], noises[: t - 1]])
        last = np.sum(lr[: t - 1] / gaps[1:] * remaining[:-1] / gaps[:-1])
        result[t - 1] = (1 / sums[t - 1] + noises[t - 1] / sums[t - 1] + last) / 2
    return result


def trajectory(crossover):
    """The public function with its choice of path forced."""
    from lastiterate.bound import omega_trajectory, transform

    transform.CROSSOVER = crossover
    return omega_trajectory


def peak_memory():
    """Peak resident bytes of this process."""
    try:
        status = Path("/proc/self/status").read_text()
        return 1024 * int(status.split("VmHWM:")[1].split()[0])  # unlike ru_maxrss, not inherited from the parent
    except (OSError, IndexError):
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def measure_here(method, steps):
    """One measurement in this process, as JSON on stdout."""
    function = loop if method == "loop" else trajectory(0 if method == "fast" else sys.maxsize)
    from lastiterate.schedules import wsd

    before = peak_memory()
    lr = wsd(steps, 0.2).lr
    seconds = []
    while not seconds or (len(seconds) < 3 and sum(seconds) < 0.5):
        start = time.perf_counter()
        function(lr)
        seconds.append(time.perf_counter() - start)
    print(json.dumps({"seconds": min(seconds), "calls": len(seconds), "bytes": (peak_memory() - before) / steps}))


def measure(method, steps):
    """Best of two processes."""
    runs = []
    for _ in range(2):
        start = time.perf_counter()
        command = [sys.executable, __file__, method, str(steps)]
        run = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        run["process"] = time.perf_counter() - start - (run["calls"] - 1) * run["seconds"]
        runs.append(run)
    best = {key: min(run[key] for run in runs) for key in ("seconds", "process", "bytes")}
    return {"method": method, "steps": steps, **best}


def table(rows):
    """The rows as a markdown table, one line for each T."""
    lines = [
        "| T | loop over t, s | direct, s | fast, s | fast, whole process, s | fast, bytes a step |",
        "|---:|---:|---:|---:|---:|---:|",
    ]
    found = {(row["method"], row["steps"]): row for row in rows}
    for steps in HALF_DECADES:
        cells = [f"{found[m, steps]['seconds']:.2g}" if (m, steps) in found else "" for m in LARGEST]
        fast = found["fast", steps]
        memory = f"{fast['bytes']:.0f}" if steps >= 100_000 else ""  # below, the interpreter's own pages dominate
        lines.append(f"| {steps:,} | {' | '.join(cells)} | {fast['process']:.2f} | {memory} |")
    return "\n".join(lines)


def processor():
    """Name of the processor, where the system tells it."""
    try:
        return Path("/proc/cpuinfo").read_text().split("model name")[1].split("\n")[0].strip("\t :")
    except (OSError, IndexError):
        return platform.processor() or platform.machine()


def document(rows):
    """The page that the docs show."""
    return f"""# Benchmarks

The bound Omega_t at every t = 1..T for a wsd schedule with a cooldown of 0.2 (D = G = 1, `rtol` 1e-12), by three ways:

- **loop over t**: the three-term formula written down for each t in turn with NumPy, gaps by subtracting prefix sums, as
  the bound is usually computed; it also loses digits, which the other two do not;
- **direct**: the one-sum form, every pair of updates (`omega_trajectory` takes it for short runs);
- **fast**: the fast multipole transform (`omega_trajectory` takes it for long runs).

Times are the best call; a whole process adds the interpreter's start and the imports. Memory is the peak above that
after the imports, per update, schedule and result included. Measured by `make bench` on {processor()},
{os.cpu_count()} processors, Python {platform.python_version()}, NumPy {np.__version__}; one thread does the work.

{table(rows)}

![Time and memory of the bound at every t against the number of updates](benchmarks.svg)
"""


def draw(rows, path):
    """Time and memory against T, log-log."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams.update({"svg.hashsalt": "bound", "font.size": 9})
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.4), layout="constrained")
    for method, marker in zip(LARGEST, "sod", strict=True):
        chosen = [row for row in rows if row["method"] == method]
        steps = [row["steps"] for row in chosen]
        left.loglog(steps, [row["seconds"] for row in chosen], marker=marker, markersize=4, label=LABELS[method])
        right.loglog(steps, [row["bytes"] * row["steps"] / 2**20 for row in chosen], marker=marker, markersize=4, label=LABELS[method])
    ends = np.array([1e4, 1e7])
    left.loglog(ends, 3e-7 * ends, color="grey", linewidth=0.8, linestyle="--", label="0.3 µs a step")
    right.loglog(ends, 120 * ends / 2**20, color="grey", linewidth=0.8, linestyle="--", label="120 bytes a step")
    for axes, label in ((left, "time of one call (s)"), (right, "peak memory above imports (MiB)")):
        axes.set(xlabel="updates T", ylabel=label)
        axes.grid(alpha=0.3)
        axes.legend()
    figure.savefig(path, metadata={"Date": None, "Creator": None})


def main():
    """Measure everything, then write the page and its figure."""
    rows = []
    for method, largest in LARGEST.items():
        for steps in [steps for steps in HALF_DECADES if steps <= largest]:
            rows.append(measure(method, steps))
            print("{method:>6} T={steps:<9} {seconds:.3g} s, process {process:.2f} s, {bytes:.0f} bytes a step".format(**rows[-1]))
    DOCS.mkdir(exist_ok=True)
    (DOCS / "benchmarks.md").write_text(document(rows))
    draw(rows, DOCS / "benchmarks.svg")


if __name__ == "__main__":
    measure_here(sys.argv[1], int(sys.argv[2])) if sys.argv[1:] else main()
