"""The worst case as a semidefinite program: slow and approximate, but independent of the recursion; the tests compare the two.

Values f_1..f_t and the Gram matrix of (x_1 - x*, g_1..g_t) are those of a convex function if and only if

    f_i >= f_j + <g_j, x_i - x_j> for all i, j in {1..t, *},  g_* = 0, f_* = 0;

the program maximises f_t under ||g_i|| <= G and ||x_1 - x*|| <= D. Needs the extra: pip install "lastiterate[worst-case]".

Source: interpolation conditions of arXiv:1512.07516.
"""

import warnings
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from lastiterate._checks import check_choice
from lastiterate.schedules.schedule import LearningRates
from lastiterate.worst_case.value import problem

MODELLERS = ("cvxpy", "pepit")


class SolverError(RuntimeError):
    """The solver ended without an optimal solution; the message holds its status."""


def worst_case_sdp(
    lr: LearningRates, grad_norm: ArrayLike = 1.0, distance: float = 1.0, *, modeller: str = "cvxpy", **options: Any
) -> float:
    """`worst_case` of the same arguments by Clarabel, good to about 1e-7, for T up to about 15.

    modeller : who poses the program, "cvxpy" (this module) or "pepit" (PEPit, from its own class of functions).
    options : settings of Clarabel, e.g. ``max_iter=50``.

    Raises SolverError, with the status, unless the solver reports an optimal solution; ModuleNotFoundError without the extra;
    ValueError as `worst_case`.

    Source: arXiv:1512.07516; with "pepit", arXiv:2201.04040.
    """
    solve = _solve_cvxpy if check_choice("modeller", modeller, MODELLERS) == "cvxpy" else _solve_pepit
    steps, unit, scale = problem(lr, grad_norm, distance)
    import cvxpy

    cp: Any = cvxpy  # whose own types leave out what it has

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Solution may be inaccurate", category=UserWarning)  # an error below
        try:
            result, program = solve(steps / unit, {"solver": cp.CLARABEL, **options})
        except cp.SolverError as error:
            raise SolverError(f"{modeller}, Clarabel: {error}") from error
    if program.status != cp.OPTIMAL:
        iterations = program.solver_stats.num_iters
        raise SolverError(f"{modeller}, Clarabel: status {program.status!r} after {iterations} iterations, so there is no value")
    return scale * float(result)


def _solve_cvxpy(steps: np.ndarray, options: dict[str, Any]) -> Any:
    """Value and program for D = G = 1: Gram matrix of (x_1 - x*, g_1, ..., g_t)."""
    import cvxpy

    cp: Any = cvxpy  # whose own types leave out what it has

    t = steps.size + 1
    gram = cp.Variable((t + 1, t + 1), PSD=True)
    values = cp.Variable(t)
    points = np.zeros((t + 1, t + 1))  # row i < t: x_{i+1} - x*, row t: 0, in the basis of the Gram matrix
    points[:t, 0] = 1.0
    points[:t, 1:t] = -np.tril(np.broadcast_to(steps, (t, t - 1)), -1)
    products = gram[1:, :] @ points.T  # <g_{j+1}, x_{i+1} - x*> in row j, column i
    constraints = [cp.diag(gram) <= 1, values >= 0]
    for j in range(t):
        constraints += [cp.hstack([values, 0]) >= values[j] + products[j, :] - products[j, j]]
    program = cp.Problem(cp.Maximize(values[t - 1]), constraints)
    return program.solve(**options), program


def _solve_pepit(steps: np.ndarray, options: dict[str, Any]) -> Any:
    """The same, posed by PEPit."""
    with warnings.catch_warnings():
        # PEPit 0.5 has invalid escape sequences, which Python warns of (3.11: Deprecation, later: Syntax) when it compiles them
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", SyntaxWarning)
        from PEPit import PEP
        from PEPit.functions import ConvexLipschitzFunction

    pep = PEP()
    function = pep.declare_function(ConvexLipschitzFunction, M=1.0)
    minimiser = function.stationary_point()
    x = pep.set_initial_point()
    pep.set_initial_condition((x - minimiser) ** 2 <= 1)
    for step in steps.tolist():
        x = x - step * function.gradient(x)
    pep.set_performance_metric(function(x) - function(minimiser))
    return pep.solve(wrapper="cvxpy", verbose=0, **options), pep.wrapper.prob
