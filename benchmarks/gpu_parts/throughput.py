"""Tokens/s and model FLOP utilisation of the 124M Llama: baseline, our loop eager and compiled, attention kernels, larger micro-batches."""

import os
import time

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

from gpu_parts.baseline import Loop
from gpu_parts.bench import Bench, flops_per_token
from lastiterate.train.model import count_parameters

KERNELS = {
    "flash": SDPBackend.FLASH_ATTENTION,
    "cudnn": SDPBackend.CUDNN_ATTENTION,
    "efficient": SDPBackend.EFFICIENT_ATTENTION,
    "math": SDPBackend.MATH,
}
HALF = {"precision": "bfloat16"}


def speed(bench: Bench, config: dict, trainer, name: str, updates: int, warm: int = 2, **facts) -> None:
    """Time updates of a trainer (or the baseline's loop) after some to warm up, and record what that makes."""
    begin = time.perf_counter()
    bench.seconds(lambda number: trainer.update(1 + number), warm)
    warmed = time.perf_counter() - begin
    if bench.device == "cuda":
        torch.cuda.reset_peak_memory_stats()
    seconds = bench.seconds(lambda number: trainer.update(1 + warm + number), updates)
    tokens = config["batch_size"] * config["context"] / seconds
    model = next(iter(config["models"].values()))
    flops = tokens * flops_per_token(model, count_parameters(trainer.model), config["context"])
    memory = torch.cuda.max_memory_allocated() / 2**30 if bench.device == "cuda" else None
    peak = bench.peak_flops()
    bench.record(
        name, tokens_per_second=tokens, model_flops=flops, mfu=flops / peak if peak else None, seconds_per_update=seconds,
        warm_up_seconds=warmed, gib=memory, batch=config["batch_size"], micro_batch=config["micro_batch"], **facts,
    )  # fmt: skip


def run_eager(bench: Bench) -> None:
    """Ceilings of the device, the baseline, our loop eager, and its attention kernels."""
    ceilings(bench)
    config = bench.config(**HALF)
    updates = 2 if bench.toy else 6
    trainer = bench.trainer(config)
    speed(bench, config, Loop(config, bench.device, trainer.batches), "baseline", updates)
    speed(bench, config, trainer, "eager", updates)
    part = torch.from_numpy(trainer.batches.at(1)[: config["micro_batch"]]).to(bench.device)
    for name, kernel in KERNELS.items():
        try:
            with sdpa_kernel(kernel):
                work = lambda _: trainer.loss(part).backward()
                bench.seconds(work, 1)
                seconds = bench.seconds(work, 4)
            bench.record(f"attention {name}", tokens_per_second=part[:, 1:].numel() / seconds)
        except RuntimeError as error:
            bench.record(f"attention {name}", refused=str(error).splitlines()[0][:80])


def run_compiled(bench: Bench) -> None:
    """Our loop compiled, at the published micro-batch."""
    config = bench.config(**HALF, compile=True)
    speed(bench, config, bench.trainer(config), "compiled", 2 if bench.toy else 10, warm=3)


def run_largest(bench: Bench) -> None:
    """The largest micro-batch that fits, compiled: all of the batch at once, else half of it."""
    config = bench.config(**HALF, compile=True)
    for micro in (config["batch_size"], config["batch_size"] // 2):
        config["micro_batch"] = micro
        try:
            speed(bench, config, bench.trainer(config), "largest", 2 if bench.toy else 8, warm=3)
            return
        except torch.OutOfMemoryError:
            torch.cuda.empty_cache()
            bench.record(f"micro-batch {micro}", refused="out of memory")


def ceilings(bench: Bench) -> None:
    """A large bfloat16 product and a copy: what the device does at most."""
    size = 256 if bench.toy else 8192
    a, b = (torch.randn(size, size, device=bench.device).bfloat16() for _ in range(2))
    bench.seconds(lambda _: a @ b, 3)
    seconds = bench.seconds(lambda _: a @ b, 3 if bench.toy else 30)
    source = torch.randn((1 << 20) if bench.toy else (1 << 29), device=bench.device)
    target = torch.empty_like(source)
    bench.seconds(lambda _: target.copy_(source), 1)
    copying = bench.seconds(lambda _: target.copy_(source), 5)
    bench.record(
        "device", name=bench.device_name(), torch=torch.__version__, cuda=torch.version.cuda, cpus=os.cpu_count(),
        matmul_flops=2 * size**3 / seconds, copy_bytes_per_second=8 * source.numel() / copying,
    )  # fmt: skip
