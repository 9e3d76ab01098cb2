"""What a process sets before it computes: threads, and kernels that repeat to the bit."""

import os

import numpy as np
import torch


def set_up(config: dict) -> torch.device:
    """The device that this process trains on, with the config's `threads` and `deterministic` set.

    Call it before anything runs on a GPU: cuBLAS reads its workspace setting once.
    """
    torch.set_num_threads(config["threads"])
    if config["deterministic"]:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(config["deterministic"])
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0))) if config["device"] == "cuda" else torch.device("cpu")


def to_device(array: np.ndarray, device: torch.device) -> torch.Tensor:
    """The array as a tensor on the device; a GPU is not waited for, so that the next update is launched while this one runs."""
    tensor = torch.from_numpy(array)
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor
