"""The process group of a torchrun launch, if there is one."""

import os
from contextlib import contextmanager

import torch
import torch.distributed as dist


@contextmanager
def process_group(device: str):
    """Join the group that torchrun's environment describes (nccl on GPUs, gloo on CPUs), one rank too; nothing without torchrun."""
    if not dist.is_torchelastic_launched():
        yield
        return
    if device == "cuda":
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    dist.init_process_group("nccl" if device == "cuda" else "gloo")
    try:
        yield
    finally:
        dist.destroy_process_group()


def rank() -> int:
    """Rank of the process, 0 without a group."""
    return dist.get_rank() if dist.is_initialized() else 0


def barrier() -> None:
    """Wait for every rank."""
    if dist.is_initialized():
        dist.barrier()
