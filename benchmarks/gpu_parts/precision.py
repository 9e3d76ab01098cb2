"""The loss after 200 updates of the 124M Llama in bfloat16 and float32, beside what another seed makes of it."""

import numpy as np

from gpu_parts.bench import Bench


def run(bench: Bench) -> None:
    """Train at a batch of 8 windows: float32, bfloat16, bfloat16 compiled, and bfloat16 with another seed."""
    updates = 20 if bench.toy else 200
    curves = {}
    for name, seed, changes in (
        ("float32", 0, {}),
        ("bfloat16", 0, {"precision": "bfloat16"}),
        ("bfloat16, another seed", 1, {"precision": "bfloat16"}),
    ):
        config = bench.config(batch_size=8, micro_batch=8, val_batch=32, val_windows=256, **changes)
        trainer = bench.trainer(config, updates, seed)
        losses = [trainer.update(step)[0] for step in range(1, updates + 1)]
        curves[name] = np.array([float(loss) for loss in losses])
        bench.record(name, updates=updates, last_20=float(curves[name][-20:].mean()), val_loss=trainer.validate(config["val_windows"]))
    apart = np.abs(curves["bfloat16"] - curves["float32"])
    bench.record(
        "bfloat16 against float32", largest=float(apart.max()), mean_of_last_20=float((curves["bfloat16"] - curves["float32"])[-20:].mean())
    )
