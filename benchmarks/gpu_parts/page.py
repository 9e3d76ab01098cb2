"""The table and the page of what was found."""


def ratios(found: dict) -> list[tuple[str, str]]:
    """What was found, ratios first: (what, value) for each measurement that is there."""
    get = lambda part, name, key: found.get(part, {}).get(name, {}).get(key)
    rows = []
    fast, plain, own = (
        get(part, name, "tokens_per_second") for part, name in (("compiled", "compiled"), ("eager", "baseline"), ("eager", "eager"))
    )
    most = get("largest", "largest", "tokens_per_second")
    if fast and plain:
        rows.append(("124M, compiled over the eager baseline, tokens/s", f"{fast / plain:.2f}"))
    if own and plain:
        rows.append(("124M, our loop eager over the eager baseline, tokens/s", f"{own / plain:.2f}"))
    if most and plain:
        rows.append(
            (f"124M, compiled, micro-batch {get('largest', 'largest', 'micro_batch')}, over the eager baseline", f"{most / plain:.2f}")
        )
    stacks = {entry["models"]: entry for name, entry in found.get("stacks", {}).items() if name.startswith("stack of")}
    if separate := get("stacks", "separate", "models_tokens_per_second"):
        for models, entry in stacks.items():
            rate = entry["models_tokens_per_second"]
            rows.append((f"29k, stack of {models} as one graph over separate runs, models x tokens/s", f"{rate / separate:.1f}"))
    for part, name, label in (
        ("compiled", "compiled", "compiled"),
        ("largest", "largest", "compiled, largest micro-batch"),
        ("eager", "eager", "eager"),
        ("eager", "baseline", "baseline"),
    ):
        if mfu := get(part, name, "mfu"):
            ceiling = get("eager", "device", "matmul_flops")
            share = f", {get(part, name, 'model_flops') / ceiling:.1%} of a large product's rate here" if ceiling else ""
            rows.append((f"124M, {label}: model FLOP utilisation", f"{mfu:.1%} of the data sheet{share}"))
    for part, name, label in (
        ("compiled", "compiled", "compiled"),
        ("largest", "largest", "compiled, largest micro-batch"),
        ("eager", "eager", "eager"),
        ("eager", "baseline", "baseline"),
    ):
        if rate := get(part, name, "tokens_per_second"):
            memory = get(part, name, "gib")
            facts = f"micro-batch {get(part, name, 'micro_batch')}, {get(part, name, 'seconds_per_update'):.3f} s an update"
            rows.append((f"124M, {label}: tokens/s", f"{rate:,.0f} ({facts}{f', {memory:.0f} GiB' if memory else ''})"))
    for name, entry in found.get("eager", {}).items():
        if name.startswith("attention "):
            value = entry.get("refused") or f"{entry['tokens_per_second']:,.0f}"
            rows.append((f"124M, eager, one micro-batch forward and backward with {name.split()[1]} attention: tokens/s", value))
    if (apart := get("precision", "bfloat16 against float32", "mean_of_last_20")) is not None:
        updates = get("precision", "float32", "updates")
        other = get("precision", "bfloat16, another seed", "last_20") - get("precision", "bfloat16", "last_20")
        rows.append(
            (
                f"124M, loss after {updates} updates (mean of the last 20), bfloat16 less float32",
                f"{apart:+.4f} (another seed: {other:+.4f})",
            )
        )
    for kernels in ("default kernels", "deterministic kernels"):
        if (entry := found.get("branching", {}).get(f"branch, {kernels}")) is not None:
            bits = "the same bits" if entry["same_bits"] else f"not the same bits, tolerance {entry['tolerance']}"
            text = f"{entry['largest_difference']:.2g} ({bits})"
            rows.append((f"124M, {kernels}: largest loss difference of a branched run from an uninterrupted one", text))
    if (entry := found.get("resume", {}).get("kill and resume")) is not None:
        text = "the same bytes" if entry["same_bytes"] else "OTHER BYTES"
        rows.append((f"killed (SIGKILL, SIGTERM) and resumed over {entry['updates']} updates", text))
    if (apart := get("stacks", "agreement", "largest_difference")) is not None:
        rows.append(
            (
                f"29k, stack of 8 against separate runs over {get('stacks', 'agreement', 'updates')} updates: largest loss difference",
                f"{apart:.2g}",
            )
        )
    for models, entry in stacks.items():
        rows.append((f"29k, stack of {models}: ms an update", f"{entry['milliseconds']:.3f}"))
    if separate:
        rows.append(("29k, alone: ms an update", f"{get('stacks', 'separate', 'milliseconds'):.2f}"))
    if (entry := found.get("nccl", {}).get("one rank")) is not None:
        rows.append(
            (f"torchrun with one rank ({entry['backend']}) against a plain run", "the same bytes" if entry["same_bytes"] else "OTHER BYTES")
        )
    if summary := get("tests", "pytest", "summary"):
        rows.append(("tests marked gpu", summary))
    if (entry := found.get("sweep", {}).get("runs")) is not None:
        rows.append((f"config/train/long.yaml in {entry['seconds']:.0f} s: runs finished", f"{entry['finished']} of {entry['of']}"))
    return rows


def table(found: dict) -> str:
    """The rows as aligned text."""
    rows = ratios(found)
    width = max((len(what) for what, _ in rows), default=0)
    return "\n".join(f"{what:<{width}}  {value}" for what, value in rows)


def page(found: dict, toy: bool) -> str:
    """The page of the documentation."""
    device = found.get("eager", {}).get("device", {})
    lines = [
        "# Training on a GPU: what was measured",
        "",
        "Written by `make gpu-check` (benchmarks/gpu.py) from benchmarks/gpu.json. 124M is the Llama of `config/train/llama_124m.yaml` (batch 200 x",
        "512 tokens, micro-batches of 50), in bfloat16 with float32 weights and AdamW, on words of the Python library's sources; the *baseline* is an eager",
        "loop of our own with the choices of the published code (benchmarks/gpu_parts/baseline.py). 29k are the models of `config/train/long.yaml`.",
        "Model FLOPs of a token are 6 N + 12 layers x width x context (arXiv:2204.02311, appendix B), against the data sheet's dense bfloat16 rate.",
        "",
    ]
    if toy:
        lines += ["**Toy sizes: nothing here is a measurement.**", ""]
    if device:
        lines += [
            f"Device: {device['name']}, torch {device['torch']}, CUDA {device['cuda']}; a large bfloat16 product runs at "
            f"{device['matmul_flops'] / 1e12:.0f} TFLOP/s, a copy moves {device['copy_bytes_per_second'] / 1e12:.2f} TB/s (read and written).",
            "",
        ]
    lines += ["| what | value |", "|---|---|", *(f"| {what} | {value} |" for what, value in ratios(found)), ""]
    missing = [f"{part} ({entry['status']})" for part, entry in found.items() if not entry.get("finished", True)]
    if missing:
        lines += [f"Not finished, and so not measured here: {', '.join(missing)}.", ""]
    spent = [f"{part} {entry['seconds']:.0f} s" for part, entry in found.items() if "seconds" in entry]
    return "\n".join([*lines, f"Time of the parts: {', '.join(spent)}.", ""])
