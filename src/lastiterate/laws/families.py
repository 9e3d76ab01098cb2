"""The laws: a progress clock and a memory kernel each.

Notation: eta_k is the learning rate of update k, S the sum of learning rates, P another clock, J(v) the jumps of v from
update to update (from 0), and G a kernel that rises from 0 to 1. Every coefficient is at least 0.
"""

import numpy as np

from lastiterate.laws.kernels import abel_sum, inverse_sum, power_kernel
from lastiterate.laws.law import Law, Shape
from lastiterate.laws.norm import relative_step
from lastiterate.laws.path import Path

MOMENTUM = 0.999  # lambda of the momentum law
NOISE_POWER = 0.8  # noise of norm-power grows as this power of the relative step
STIFF_NOISE = 0.825  # and that of norm-stiff, whose data are of several peaks, as this
STIFF_CLOCK = (1.05, 0.4)  # norm-stiff's progress in an update: these powers of the learning rate, and of 1/n

_POWER = Shape("a", 0.05, 2.0, (0.35, 0.55))
_SCALE = Shape("C", 1e-3, 1e3, (0.2, 5.0), log=True)
_TAIL = Shape("beta", 0.05, 5.0, (0.2, 0.8))
_MEMORY = Shape("d", 1.0, 1e5, (30.0, 200.0), log=True)
_EXPONENT = Shape("s", 0.2, 1.5, (0.65, 0.9))
_THREE = ("Linf", "A", "B")


def _columns(path: Path, clock: np.ndarray, power: float, noise: np.ndarray) -> list[np.ndarray]:
    """1, clock^-power, noise: the columns of nearly every law."""
    return [np.ones(len(path.at)), clock[path.at] ** -power, noise]


def _bound(path: Path) -> list[np.ndarray]:
    noise = path.memo("inverse", lambda: inverse_sum(path, path.lr))
    return _columns(path, 2 * path.lr_sum, 1.0, noise / 2)


def _convex_power(path: Path, a: float) -> list[np.ndarray]:
    return _columns(path, path.lr_sum, a, path.memo("inverse", lambda: inverse_sum(path, path.lr)) / 2)


def _convex_effective(path: Path, a: float, s: float) -> list[np.ndarray]:
    lr = path.lr**s
    return _columns(path, path.total(lr), a, path.memo(("inverse", s), lambda: inverse_sum(path, lr)) / 2)


def _forgetting(path: Path, a: float, s: float, d: float) -> list[np.ndarray]:
    lr = path.lr**s
    return _columns(path, path.total(lr), a, path.relax(lr / d, lr)[path.at])


def _two_clocks(path: Path, a: float, p: float, d: float) -> list[np.ndarray]:
    rate = path.lr ** (p - 1)
    return _columns(path, path.total(rate), a, path.relax(rate / d, path.lr)[path.at])


def _functional(path: Path, a: float, c: float, b: float) -> list[np.ndarray]:
    jumps = path.jumps(path.lr)
    noise = path.memo(("functional", c, b), lambda: abel_sum(path, path.lr_sum, jumps, power_kernel(c, b)))
    return _columns(path, path.lr_sum, a, noise)


def _multi_power(path: Path, a: float, c: float, b: float, g: float) -> list[np.ndarray]:
    def drop() -> np.ndarray:
        with np.errstate(divide="ignore"):
            stretch = np.where(path.lr > 0, path.lr, np.inf) ** -g
        return abel_sum(path, path.lr_sum, path.jumps(path.lr), power_kernel(c, b), stretch)

    return _columns(path, path.lr_sum, a, path.memo(("multi-power", c, b, g), drop))


def _momentum(path: Path, a: float) -> list[np.ndarray]:
    """sum_k (eta_{k-1} - eta_k) (1 - lambda^(t-k+1)) / (1 - lambda) after the warm-up: what relaxes to its accumulated decays."""
    jumps = path.jumps(path.lr)
    jumps[_warming(path)] = 0.0
    decays = np.cumsum(jumps) - np.cumsum(jumps)[path.first[:-1]][path.curve]
    area = path.relax(np.full(len(path.lr), -np.log(MOMENTUM)), decays) / (1 - MOMENTUM)
    return _columns(path, path.lr_sum, a, area[path.at])


def _warming(path: Path) -> np.ndarray:
    """Whether the learning rate has only risen since the curve's start, for each cell."""
    fell = path.lr < path.before(path.lr)
    return path.total(fell / path.count) == 0


def _effective_power(path: Path, a: float, s: float, c: float) -> list[np.ndarray]:
    lr = path.lr**s
    clock = path.total(lr)
    noise = path.memo(("effective", s, c, a), lambda: abel_sum(path, clock, path.jumps(lr), power_kernel(c, a)))
    return _columns(path, clock, a, noise)


def _norm_exponential(path: Path, a: float, d: float) -> list[np.ndarray]:
    step, _ = relative_step(path)
    return _columns(path, path.total(step), a, path.relax(step / d, step)[path.at])


def _norm_power(path: Path, a: float, c: float, b: float) -> list[np.ndarray]:
    step, _ = relative_step(path)
    clock = path.total(step)
    noise = path.memo(("norm-power", c, b), lambda: abel_sum(path, clock, path.jumps(step**NOISE_POWER), power_kernel(c, b)))
    return _columns(path, clock, a, noise)


def _norm_stiff(path: Path, a: float, c: float, b: float) -> list[np.ndarray]:
    """As norm-power, but noise relaxes by u/n: curvature that has settled to the learning rate falls as 1/n; progress is eta^1.05/n^.4."""
    step, norm = relative_step(path)
    jumps = path.jumps(step**STIFF_NOISE)
    noise = path.memo(("norm-stiff", c, b), lambda: abel_sum(path, path.total(step / norm), jumps, power_kernel(c, b)))
    power, stiffness = STIFF_CLOCK
    return _columns(path, path.memo("stiff clock", lambda: path.total(path.lr**power * norm**-stiffness)), a, noise)


_RAW_SCALE = Shape("C", 1e-2, 1e5, (2.0, 50.0), log=True)
_RAW_TAIL = Shape("beta", 0.02, 5.0, (0.4, 0.9))
_ALL = (
    Law("bu", "Linf + D^2/(2 S) + G^2/2 (eta_t + sum_{k<t} eta_k^2/(S_t - S_k))", "arXiv:2602.07145, eq. 3.1",
        ("Linf", "D^2", "G^2"), (), _bound, raw_unit=True),
    Law("convex-power", "Linf + A S^-a + B/2 (eta_t + sum_{k<t} eta_k^2/(S_t - S_k))", "bu with a free exponent",
        _THREE, (_POWER,), _convex_power),
    Law("convex-effective", "convex-power with eta -> eta^s", "this project",
        _THREE, (_POWER, Shape("s", 0.2, 1.5, (0.7, 1.0))), _convex_effective),
    Law("momentum", "Linf + A S^-a - B sum_k (eta_{k-1} - eta_k) (1 - .999^(t-k+1))/(1 - .999)", "arXiv:2408.11029",
        _THREE, (_POWER,), _momentum, raw_unit=True),
    Law("functional-scaling", "Linf + A S^-a + B sum_k J(eta) G(S_t - S_k), G(x) = 1 - (1 + C x)^-beta", "arXiv:2509.19189",
        _THREE, (_POWER, _RAW_SCALE, _RAW_TAIL), _functional, raw_unit=True),
    Law("multi-power", "functional-scaling with G(eta_k^-gamma (S_t - S_k))", "arXiv:2503.12811",
        _THREE, (_POWER, _RAW_SCALE, _RAW_TAIL, Shape("gamma", 0.0, 1.5, (0.3, 0.6))), _multi_power, raw_unit=True),
    Law("forgetting", "Linf + A P^-a + B N, P = sum eta^s, N' = eta^s/d (eta^s - N)", "this project",
        _THREE, (_POWER, _EXPONENT, _MEMORY), _forgetting),
    Law("two-clocks", "Linf + A P^-a + B N, P = sum eta^(p-1), N' = eta^(p-1)/d (eta - N)", "this project",
        _THREE, (_POWER, Shape("p", 1.2, 2.5, (1.6, 1.9)), _MEMORY), _two_clocks),
    Law("effective-power", "Linf + A P^-a + B sum_k J(eta^s) G(P_t - P_k), P = sum eta^s, G(x) = 1 - (1 + C x)^-a", "this project",
        _THREE, (_POWER, _EXPONENT, _SCALE), _effective_power),
    Law("norm-exponential", "Linf + A P^-a + B N, P = sum u, N' = u/d (u - N), u = eta/sqrt(n)", "this project",
        _THREE, (_POWER, _MEMORY), _norm_exponential, needs_norm=True),
    Law("norm-power", "Linf + A P^-a + B sum_k J(u^.8) G(P_t - P_k), P = sum u, G(x) = 1 - (1 + C x)^-beta", "this project",
        _THREE, (_POWER, _SCALE, _TAIL), _norm_power, needs_norm=True),
    Law("norm-stiff", "norm-power with J(u^.825), G(X_t - X_k), X = sum u/n, P = sum eta^1.05/n^.4", "this project",
        _THREE, (_POWER, Shape("C", 1e-3, 1e5, (0.2, 5.0), log=True), _TAIL), _norm_stiff, needs_norm=True),
)  # fmt: skip
LAWS = {law.name: law for law in _ALL}
