"""What tuned learning rates say about other runs: other schedules and horizons, and other sizes, tokens, batches and weight decays."""

from lastiterate.transfer.answer import TransferredRate, transfer_lr
from lastiterate.transfer.base_lr import TransferredLR, transfer_base_lr
from lastiterate.transfer.extend import METHODS, Extension, Trials, extend
from lastiterate.transfer.from_logs import read_logs
from lastiterate.transfer.optima import Optimum, find_optimum
from lastiterate.transfer.runs import FinishedRun, Sweep
from lastiterate.transfer.table import read_table
from lastiterate.transfer.target import CannotTell

__all__ = [
    "METHODS",
    "CannotTell",
    "Extension",
    "FinishedRun",
    "Optimum",
    "Sweep",
    "TransferredLR",
    "TransferredRate",
    "Trials",
    "extend",
    "find_optimum",
    "read_logs",
    "read_table",
    "transfer_base_lr",
    "transfer_lr",
]
