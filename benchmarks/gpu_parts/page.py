"""The table and the page of what was found."""

SPEEDS = (  # part, measurement, its name on the page
    ("compiled", "compiled", "compiled"),
    ("largest", "largest", "compiled, largest micro-batch"),
    ("eager", "eager", "eager"),
    ("eager", "baseline", "baseline"),
)
HEAD = """# Training on a GPU: what was measured

Written by `make gpu-check` (benchmarks/gpu.py) from benchmarks/gpu.json. 124M is the Llama of `config/train/llama_124m.yaml` (batch 200 x
512 tokens, micro-batches of 50), in bfloat16 with float32 weights and AdamW, on words of the Python library's sources; the *baseline* is an
eager loop of ours with the choices of the published code (benchmarks/gpu_parts/baseline.py). 29k: the models of `config/train/long.yaml`.
Model FLOPs of a token are 6 N + 12 layers x width x context (arXiv:2204.02311, appendix B), against the data sheet's dense bfloat16 rate.
"""


class Found:
    """The results, by part and measurement."""

    def __init__(self, parts: dict):
        self.parts = parts

    def of(self, part: str, measurement: str) -> dict:
        """A measurement's values; empty if it is not there."""
        return self.parts.get(part, {}).get(measurement, {})

    def starting(self, part: str, text: str) -> dict[str, dict]:
        """The measurements of a part whose names begin with `text`."""
        return {name: entry for name, entry in self.parts.get(part, {}).items() if name.startswith(text)}


def rows(found: Found) -> list[tuple[str, str]]:
    """What was found, ratios first: (what, value) for each measurement that is there."""
    return [*_ratios(found), *_use(found), *_speeds(found), *_agreement(found), *_rest(found)]


def _ratios(found: Found):
    baseline = found.of("eager", "baseline").get("tokens_per_second")
    for part, measurement, name in SPEEDS[:3]:
        if baseline and (rate := found.of(part, measurement).get("tokens_per_second")):
            yield f"124M, {name}, over the eager baseline, tokens/s", f"{rate / baseline:.2f}"
    separate = found.of("stacks", "separate").get("models_tokens_per_second")
    for entry in found.starting("stacks", "stack of").values() if separate else ():
        what = f"29k, stack of {entry['models']} as one graph over separate runs, models x tokens/s"
        yield what, f"{entry['models_tokens_per_second'] / separate:.1f}"


def _use(found: Found):
    ceiling = found.of("eager", "device").get("matmul_flops")
    for part, measurement, name in SPEEDS:
        entry = found.of(part, measurement)
        if entry.get("mfu"):
            share = f", {entry['model_flops'] / ceiling:.1%} of a large product's rate here" if ceiling else ""
            yield f"124M, {name}: model FLOP utilisation", f"{entry['mfu']:.1%} of the data sheet{share}"


def _speeds(found: Found):
    for part, measurement, name in SPEEDS:
        if entry := found.of(part, measurement):
            memory = f", {entry['gib']:.0f} GiB" if entry.get("gib") else ""
            facts = f"micro-batch {entry['micro_batch']}, {entry['seconds_per_update']:.3f} s an update{memory}"
            yield f"124M, {name}: tokens/s", f"{entry['tokens_per_second']:,.0f} ({facts})"
    for name, entry in found.starting("eager", "attention ").items():
        value = entry.get("refused") or f"{entry['tokens_per_second']:,.0f}"
        yield f"124M, eager, a micro-batch forward and backward with {name.split()[1]} attention: tokens/s", value
    for entry in found.starting("stacks", "stack of").values():
        yield f"29k, stack of {entry['models']}: ms an update", f"{entry['milliseconds']:.3f}"
    if entry := found.of("stacks", "separate"):
        yield "29k, alone: ms an update", f"{entry['milliseconds']:.2f}"


def _agreement(found: Found):
    if entry := found.of("precision", "bfloat16 against float32"):
        one, other = (found.of("precision", name) for name in ("bfloat16", "bfloat16, another seed"))
        seeds = f" (another seed: {other['last_20'] - one['last_20']:+.4f})" if other else ""
        what = f"124M, mean loss of the last 20 of {one['updates']} updates, bfloat16 less float32"
        yield what, f"{entry['mean_of_last_20']:+.4f}{seeds}"
    for name, entry in found.starting("branching", "branch, ").items():
        bits = "the same bits" if entry["same_bits"] else f"not the same bits, tolerance {entry['tolerance']}"
        what = f"124M, {name.removeprefix('branch, ')}: largest loss difference of a branched run from an uninterrupted one"
        yield what, f"{entry['largest_difference']:.2g} ({bits})"
    if entry := found.of("resume", "kill and resume"):
        yield f"killed (SIGKILL, SIGTERM) and resumed over {entry['updates']} updates", _bytes(entry)
    if entry := found.of("stacks", "agreement"):
        what = f"29k, stack of {entry['models']} against separate runs over {entry['updates']} updates: largest loss difference"
        yield what, f"{entry['largest_difference']:.2g}"
    if entry := found.of("nccl", "one rank"):
        yield f"torchrun with one rank ({entry['backend']}) against a plain run", _bytes(entry)


def _bytes(entry: dict) -> str:
    return "the same bytes" if entry["same_bytes"] else "OTHER BYTES"


def _rest(found: Found):
    if entry := found.of("tests", "pytest"):
        yield "tests marked gpu", entry["summary"]
    if entry := found.of("sweep", "runs"):
        yield f"config/train/long.yaml in {entry['seconds']:.0f} s: runs finished", f"{entry['finished']} of {entry['of']}"


def table(parts: dict) -> str:
    """The rows as aligned text."""
    shown = rows(Found(parts))
    width = max((len(what) for what, _ in shown), default=0)
    return "\n".join(f"{what:<{width}}  {value}" for what, value in shown)


def page(parts: dict, toy: bool) -> str:
    """The page of the documentation."""
    lines = [HEAD]
    if toy:
        lines += ["**Toy sizes: nothing here is a measurement.**", ""]
    if device := Found(parts).of("eager", "device"):
        lines += [
            f"Device: {device['name']}, torch {device['torch']}, CUDA {device['cuda']}; a large bfloat16 product runs at "
            f"{device['matmul_flops'] / 1e12:.0f} TFLOP/s, a copy at {device['copy_bytes_per_second'] / 1e12:.2f} TB/s (both ways).",
            "",
        ]
    lines += ["| what | value |", "|---|---|", *(f"| {what} | {value} |" for what, value in rows(Found(parts))), ""]
    if missing := [f"{part} ({entry['status']})" for part, entry in parts.items() if not entry.get("finished", True)]:
        lines += [f"Not finished, and so not measured here: {', '.join(missing)}.", ""]
    spent = [f"{part} {entry['seconds']:.0f} s" for part, entry in parts.items() if "seconds" in entry]
    return "\n".join([*lines, f"Time of the parts: {', '.join(spent)}.", ""])
