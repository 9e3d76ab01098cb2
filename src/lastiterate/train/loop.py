"""The training loop: one run from its start, its parent's checkpoint, or its own last one, to its log and card."""

import hashlib
import math
from contextlib import nullcontext
from pathlib import Path

import torch
import torch.distributed as dist
from torch.nn.utils import clip_grads_with_norm_, get_total_norm

from lastiterate.train import checkpoint
from lastiterate.train.card import CARD, identity_of, write_card
from lastiterate.train.data import Batches, Dataset, windows_at
from lastiterate.train.device import set_up, to_device
from lastiterate.train.log import Log
from lastiterate.train.model import NextTokenLoss, build_model, count_parameters, matrices
from lastiterate.train.optim import build_optimizers, set_lr
from lastiterate.train.plan import TAIL, Run, settings_of

LATEST = "latest.pt"  # a run's own last checkpoint, while it is not finished
FLUSH = 20  # updates between looks at the losses: bad ones, and signals


class Stopped(Exception):
    """The run was asked to stop and has saved its state."""


def train_run(run: Run, config: dict, dataset: Dataset, folder: Path, stop=lambda: False) -> dict:
    """Train `run` to its end in folder/run_id; return the result that its card holds.

    Starts from the run's own last checkpoint if there is one, else from the parent's checkpoint, else from fresh weights.
    `stop` is asked every few updates: when it says True the state is saved and `Stopped` raised.
    """
    device = set_up(config)
    rank, world = (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)
    trainer = Trainer(run, config, dataset, device, rank, world)
    trainer.train(trainer.resume(folder), folder / run.run_id, stop)
    result = trainer.result(None if trainer.diverged else trainer.validate())
    if rank == 0:
        trainer.finish(result, folder)
    return result


class Trainer:
    """A run's model, optimizers, data and log, and the step that advances them."""

    def __init__(self, run: Run, config: dict, dataset: Dataset, device, rank: int = 0, world: int = 1):
        self.run, self.config, self.dataset, self.device, self.rank, self.world = run, config, dataset, device, rank, world
        self.settings = settings_of(run, config, dataset.card)
        self.identity = identity_of(self.settings)
        self.batches = Batches(
            dataset.train, config["context"], config["batch_size"], run.seed, repeat=config["datasets"][run.dataset].get("repeat", False)
        )
        self.batches.check_length(run.schedule.total_steps)
        self.model = build_model(config["models"][run.model], config["context"], run.seed).to(device)
        self.optimizers = build_optimizers(self.model, config["optimizers"][run.optimizer])
        self.parameters, self.matrices = list(self.model.parameters()), matrices(self.model)
        self.start_norm = float(get_total_norm(self.matrices)) ** 2
        self.lr = run.schedule.lr
        share = config["batch_size"] // world
        if config["batch_size"] % world or share % min(config["micro_batch"], share):
            raise ValueError(f"{world} ranks cannot share batch_size={config['batch_size']} in micro-batches of {config['micro_batch']}")
        self.micro = min(config["micro_batch"], share)
        self.mine = slice(rank * share, (rank + 1) * share)
        half = config["precision"] == "bfloat16"
        self.loss = NextTokenLoss(self.model, half)  # not compiled, for validation, whose batches vary
        self.forward = NextTokenLoss(self.model, half, compiled=True) if config["compile"] else self.loss
        self.shared = dist.is_initialized()
        if self.shared:
            place = [device.index] if device.type == "cuda" else None
            self.forward = torch.nn.parallel.DistributedDataParallel(self.forward, device_ids=place)
        self.log, self.diverged, self.resumed_at = Log(run.branch_step + 1), None, 0

    def resume(self, folder: Path) -> int:
        """Load the state to start from; return the number of updates that it has behind it."""
        if found := checkpoint.load_latest(folder / self.run.run_id / LATEST, self.device, self.rank == 0):
            return self.resume_from(*found)
        if not self.run.parent:
            return 0
        path = folder / self.run.parent / checkpoint_name(self.run.branch_step)
        try:
            return self.resume_from(checkpoint.load(path, self.device), path)
        except FileNotFoundError:
            raise ValueError(f"{path} is missing, but {self.run.run_id} starts from it: train {self.run.parent} again") from None
        except checkpoint.Damaged as error:
            again = f"remove the folder {path.parent} and train {self.run.parent} again"
            raise ValueError(f"{error}, but {self.run.run_id} starts from it: {again}") from None

    def resume_from(self, state: dict, path: Path) -> int:
        """Go on from a state read from `path`; return the number of updates that it has behind it."""
        checkpoint.check(state, path, self.identity, self.run.schedule)
        self.diverged = state["diverged_step"]
        if not self.diverged:
            checkpoint.restore(state, self.model, self.optimizers)
            self.start_norm = state["start_norm"]
            self.log.load(state["log"])
        self.resumed_at = state["step"]
        return state["step"]

    def train(self, start: int, place: Path, stop) -> None:
        """Updates start+1..T with checkpoints and validation; up to the update at which the run diverges."""
        total, config = self.run.schedule.total_steps, self.config
        self.log.start()
        for step in range(start + 1, total + 1):
            if self.diverged:
                return
            self.log.add(self.update(step))
            branching = step in self.run.checkpoints
            saving = step % config["checkpoint_every"] == 0 and step < total
            validating = step % config["val_every"] == 0 or step == total
            stopping = (step % FLUSH == 0 or saving) and self.agreed(stop())
            if step % FLUSH and not (saving or validating or stopping or branching or step == total):
                continue
            self.look_for_divergence()
            if self.diverged:
                return
            if validating:
                self.log.add_validation(step, self.validate(config["val_windows"]))
            if branching:
                self.save(place / checkpoint_name(step), step)
            if saving or stopping:
                self.save_latest(place / LATEST, step)
            if stopping:
                raise Stopped(f"{self.run.run_id}: stopped after update {step} of {total}; its state is saved, run it again to go on")
            self.log.start()

    def look_for_divergence(self) -> None:
        """Bring the log up to date, and note the first update whose loss is not finite or too large."""
        self.log.flush()
        self.diverged = self.log.diverged_at(self.config["diverged_above"])

    def update(self, step: int) -> torch.Tensor:
        """Execute one update (1-based); return what is logged of it, on the device."""
        windows = to_device(self.batches.at(step)[self.mine], self.device)
        parts = windows.split(self.micro)
        loss = torch.zeros((), device=self.device)
        for number, part in enumerate(parts, start=1):
            last = number == len(parts)
            with self.forward.no_sync() if self.shared and not last else nullcontext():
                piece = self.forward(part) / len(parts)
                piece.backward()
            loss += piece.detach()
        if self.shared:
            dist.all_reduce(loss)
            loss /= self.world
        gradients = [parameter.grad for parameter in self.parameters]
        norm, norm_l1 = get_total_norm(gradients), get_total_norm(gradients, 1.0)
        if self.config["clip_norm"]:
            clip_grads_with_norm_(self.parameters, self.config["clip_norm"], norm)
        with torch.no_grad():
            before = [weight.detach().clone() for weight in self.matrices]
            size = get_total_norm(before)
            set_lr(self.optimizers, float(self.lr[step - 1]))
            for optimizer in self.optimizers:
                optimizer.step()
                optimizer.zero_grad(set_to_none=True)
            torch._foreach_sub_(before, self.matrices)
            moved, after = get_total_norm(before), get_total_norm(self.matrices)
        return torch.stack([loss, norm, norm_l1, after.square() / self.start_norm, moved / size])

    @torch.no_grad()
    def validate(self, most: int | None = None) -> float:
        """Mean loss over the validation windows (over the first `most` if given), shared among the ranks."""
        stream, context = self.dataset.validation, self.config["context"]
        count = (stream.size - 1) // context
        numbers = torch.arange(min(count, most or count))
        total, seen = torch.zeros((), dtype=torch.float64, device=self.device), 0
        for block in numbers.split(self.config["val_batch"])[self.rank :: self.world]:
            windows = to_device(windows_at(stream, block.numpy(), context), self.device)
            total += self.loss(windows).double() * len(block)
            seen += len(block)
        both = torch.stack([total, torch.tensor(float(seen), dtype=torch.float64, device=self.device)])
        if self.shared:
            dist.all_reduce(both)
        return float(both[0] / both[1])

    def agreed(self, wish: bool) -> bool:
        """Whether any rank wishes so."""
        if not self.shared:
            return wish
        flag = torch.tensor(float(wish), device=self.device)
        dist.all_reduce(flag, dist.ReduceOp.MAX)
        return bool(flag)

    def state(self, step: int, with_log: bool = False) -> dict:
        """The state after update `step`, for a checkpoint; `with_log`, for the run's own."""
        log = self.log.state() if with_log else None
        state = checkpoint.state_of(step, self.identity, self.run.schedule, self.model, self.optimizers, self.start_norm, log)
        return state | {"diverged_step": self.diverged}

    def save(self, path: Path, step: int) -> None:
        """Write a checkpoint for branches (rank 0)."""
        if self.rank == 0:
            checkpoint.save(path, self.state(step))

    def save_latest(self, path: Path, step: int) -> None:
        """Write the run's own last checkpoint (rank 0)."""
        if self.rank == 0:
            checkpoint.save_latest(path, self.state(step, with_log=True))

    def result(self, final_val_loss: float | None) -> dict:
        """How the run ended: final losses (training: mean over the last updates; validation: whole set), or where it diverged."""
        losses = self.log.columns["train_loss"][-TAIL:]
        digest = hashlib.sha256()
        for weight in self.model.state_dict().values():
            digest.update(weight.detach().float().cpu().numpy().tobytes())
        return {
            "final_train_loss": None if self.diverged else math.fsum(losses) / len(losses),
            "final_val_loss": None if self.diverged else final_val_loss,
            "diverged_step": self.diverged,
            "n_params": count_parameters(self.model),
            "weights_sha256": None if self.diverged else digest.hexdigest(),
        }

    def finish(self, result: dict, folder: Path, stack: int = 1) -> None:
        """Write the log, marks in the place of checkpoints that a diverged run never reached, and at last the card."""
        run, place = self.run, folder / self.run.run_id
        for path, step in ((place / checkpoint_name(step), step) for step in run.checkpoints):
            if self.diverged and step >= self.diverged:
                checkpoint.save_diverged(path, step, self.identity, run.schedule, self.diverged)
        self.log.write(place, run.schedule.lr, self.batches.tokens_per_step)
        seconds = math.fsum(self.log.columns["seconds"])
        device = {
            "kind": torch.cuda.get_device_name() if self.device.type == "cuda" else "cpu",
            "ranks": self.world,
            "threads": self.config["threads"],
            "stack": stack,
            "deterministic": self.config["deterministic"],
            "resumed_at": self.resumed_at,
            "seconds": round(seconds, 3),
            "tokens_per_second": round(run.updates * self.batches.tokens_per_step / max(seconds, 1e-9)),
        }
        write_card(place / CARD, run, self.settings, result, device)
        checkpoint.remove_latest(place / LATEST)


def checkpoint_name(step: int) -> str:
    """File name of the checkpoint after update `step`."""
    return f"checkpoint_{step:08d}.pt"
