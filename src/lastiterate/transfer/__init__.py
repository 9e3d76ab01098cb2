"""What a tuned learning rate says about other schedules and horizons: extending a run, and the base learning rate to use."""

from lastiterate.transfer.base_lr import TransferredLR, transfer_base_lr
from lastiterate.transfer.extend import METHODS, Extension, Trials, extend

__all__ = ["METHODS", "Extension", "TransferredLR", "Trials", "extend", "transfer_base_lr"]
