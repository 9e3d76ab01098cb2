"""The exam in closed form: the bound's asymptotic constants from the schedule's formula.

For a schedule ``s(t, T) = T^-a f(t/T)`` with peak gamma, the sums of Omega_T become integrals over x = t/T:

    Omega_T ~ d D^2 T^(a-1)/gamma + gamma G^2 T^-a (n + l ln T),
    d = 1/(2 int_0^1 f),    n = 1/2 int_0^1 f^2/R dx with R(x) = int_x^1 f,    l = (f(1) + lim_{x->0} x f^2/R)/2.

The integral n diverges exactly when l > 0; cut off one update from the ends, it then grows like l ln T. Tuned over gamma,
Omega_T* ~ 2 D G sqrt(d (n + l ln T)/T), so that the schedule qualifies if and only if l = 0.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lastiterate._checks import check_number
from lastiterate._extras import optional

if TYPE_CHECKING:
    import sympy


@dataclass(frozen=True)
class Asymptotics:
    """Constants of ``Omega_T ~ distance D^2 T^(a-1)/gamma + gamma G^2 T^-a (noise + log ln T)``, as sympy expressions.

    `noise` is None where `log` > 0: its integral diverges, and ln T outgrows every constant. It may hold an unevaluated
    integral, for which `number` gives digits.
    """

    order: sympy.Expr  # a
    distance: sympy.Expr
    noise: sympy.Expr | None
    log: sympy.Expr

    @property
    def qualifies(self) -> bool:
        """Whether the tuned bound is O(1/sqrt(T))."""
        return bool(self.log.equals(0))

    @property
    def gap(self) -> sympy.Expr:
        """Squared gap d (n + l ln T), so that the tuned bound is ``2 D G sqrt(gap/T)``; 1 for linear decay."""
        import sympy

        return self.distance * self._noise(sympy.Symbol("T", positive=True))

    @property
    def peak_lr(self) -> sympy.Expr:
        """The best peak gamma* over D/G: ``T^(a-1/2) sqrt(d/(n + l ln T))``."""
        import sympy

        horizon = sympy.Symbol("T", positive=True)
        return horizon ** (self.order - sympy.Rational(1, 2)) * sympy.sqrt(self.distance / self._noise(horizon))

    def _noise(self, horizon: Any) -> Any:
        import sympy

        return self.noise if self.noise is not None else self.log * sympy.log(horizon)

    @staticmethod
    def number(expression: sympy.Expr, digits: int = 20) -> sympy.Float:
        """`expression` to so many digits, the integrals in it included."""
        import sympy

        values = {integral: _quadrature(integral, digits + 5) for integral in expression.atoms(sympy.Integral)}
        return expression.xreplace(values).evalf(digits)


def derive(schedule: Callable[..., Any]) -> Asymptotics:
    """Asymptotic constants of a schedule given by its formula (see the module's head).

    Parameters
    ----------
    schedule : callable
        ``s(x)`` of the fraction x = t/T in [0, 1], or ``s(t, T)`` that is a power of T times a function of t/T; it is
        called with sympy symbols and returns an expression, > 0 on (0, 1), that may be a `Piecewise` whose conditions
        read ``x < end`` in increasing order. Other symbols in it should be declared positive.

    Returns
    -------
    Asymptotics
        Exact where the integrals are elementary (rational in x or sqrt(x), or a power of 1 - x), else with an integral.

    Raises
    ------
    ValueError
        If s(t, T) is no power of T times a function of t/T, if a condition has another form, or if the first updates
        dominate the sums (f of order x^-1/2 is the steepest start allowed): use `exam`.
    ImportError
        If sympy is not installed.

    Source: arXiv:2602.07145, Condition 2.5 and Table 1. Deviations: the peak is tuned for every T instead of fixed to
    1/sqrt(T), so that the exam does not depend on the schedule's scale; for 1/sqrt, l is 3/4, as the sum itself has it
    (the table prints 1/4, what the average iterate pays).

    >>> from sympy import sqrt
    >>> linear = derive(lambda x: 1 - x)
    >>> linear.qualifies, linear.distance, linear.noise, linear.peak_lr
    (True, 1, 1, 1/sqrt(T))
    >>> inverse_sqrt = derive(lambda t, T: 1 / sqrt(t))
    >>> inverse_sqrt.qualifies, inverse_sqrt.distance, inverse_sqrt.log
    (False, 1/4, 3/4)
    """
    with optional():
        import sympy

    x = sympy.Symbol("x", positive=True)
    expression, order = _of_fraction(schedule, x)
    pieces = _pieces(expression, x)
    tail, noise = sympy.Integer(0), sympy.Integer(0)
    terms = []
    for f, begin, end in reversed(pieces):
        primitive = sympy.integrate(f, x)
        rest = sympy.simplify(primitive.subs(x, end) - primitive + tail)
        tail = sympy.simplify(sympy.limit(rest, x, 0) if begin == 0 else rest.subs(x, begin))
        terms.append((f**2 / rest, begin, end))
    if tail.is_finite is False:
        raise ValueError("schedule: its integral from 0 diverges, so that the first updates dominate: use exam()")
    first, last = pieces[0][0], pieces[-1][0]
    start = sympy.limit(x * first**2 / tail, x, 0)
    if start.is_finite is False:
        raise ValueError("schedule: f^2 outgrows 1/x at 0, so that the first updates dominate: use exam()")
    log = sympy.simplify((sympy.limit(last, x, 1, "-") + start) / 2)
    if log.equals(0):
        noise = sum(_integral(*term, x) for term in terms) / 2
        noise = noise if noise.has(sympy.Integral) else sympy.simplify(noise)
    return Asymptotics(order, 1 / (2 * tail), noise if log.equals(0) else None, log)


def _of_fraction(schedule: Callable[..., Any], x: Any) -> Any:
    """(f, a) with s = T^-a f(x): a is minus the logarithmic derivative of s by T at fixed x, and f is s at T = 1."""
    import sympy

    if len(inspect.signature(schedule).parameters) == 1:
        return sympy.sympify(schedule(x)), sympy.Integer(0)
    horizon = sympy.Symbol("T", positive=True)
    expression = sympy.sympify(schedule(x * horizon, horizon))
    parts = [part for part, _ in expression.args] if isinstance(expression, sympy.Piecewise) else [expression]
    orders = {sympy.simplify(-horizon * sympy.diff(part, horizon) / part) for part in parts}
    order = orders.pop()
    if orders or order.has(horizon, x):
        raise ValueError(f"schedule: {expression} at t = x T is not a power of T times a function of x: give s(x), or use exam()")
    return expression.subs(horizon, 1), order


def _pieces(expression: Any, x: Any) -> Any:
    """[(f, begin, end)] of an expression in x on [0, 1]."""
    import sympy

    if not expression.has(sympy.Piecewise):
        return [(expression, sympy.Integer(0), sympy.Integer(1))]
    expression = sympy.piecewise_fold(expression)
    ends = []
    for _, condition in expression.args:
        if condition == sympy.true:
            ends.append(sympy.Integer(1))
            continue
        if isinstance(condition, sympy.core.relational.Relational) and condition.rhs == x:
            condition = condition.reversed
        if isinstance(condition, (sympy.StrictLessThan, sympy.LessThan)) and condition.lhs == x:
            ends.append(condition.rhs)
        else:
            raise ValueError(f"schedule: the condition {condition} does not read x < end: order the pieces by x, the last one True")
    begins = [sympy.Integer(0), *ends[:-1]]
    return [(f, begin, end) for (f, _), begin, end in zip(expression.args, begins, ends, strict=True)]


def _integral(integrand: Any, begin: Any, end: Any, x: Any) -> Any:
    """Exact where it is elementary, else an unevaluated integral over u = 1 - x, so that what vanishes does so at 0."""
    import sympy

    if not integrand.atoms(sympy.Function):  # sympy may search for hours for the primitive of another
        integrand = sympy.factor(sympy.powsimp(integrand))
        root = sympy.Symbol("r", positive=True)
        rooted = integrand.subs(x, root**2) * 2 * root
        base, _ = integrand.as_independent(x, as_Add=False)[1].as_base_exp()
        if integrand.is_rational_function(x) or (base.is_polynomial(x) and sympy.degree(base, x) == 1):
            return _definite(sympy.integrate(integrand, x, conds="none"), x, begin, end)
        if rooted.is_rational_function(root):
            return _definite(sympy.integrate(sympy.cancel(rooted), root), root, sympy.sqrt(begin), sympy.sqrt(end))
    u = sympy.Symbol("u", positive=True)
    return sympy.Integral(sympy.expand_trig(sympy.expand(integrand.subs(x, 1 - u))), (u, 1 - end, 1 - begin))


def _definite(primitive: Any, variable: Any, begin: Any, end: Any) -> Any:
    """The primitive between two limits, at which it may have a removable singularity."""
    import sympy

    def at(value: Any) -> Any:
        plain = primitive.subs(variable, value)
        return sympy.limit(primitive, variable, value) if plain.has(sympy.nan, sympy.zoo) else plain

    return sympy.logcombine(sympy.simplify(at(end) - at(begin)), force=True)


def _quadrature(integral: Any, digits: int) -> Any:
    """Value of a definite integral; the integrand is evaluated with more digits than asked for, as it may cancel at the ends."""
    import mpmath
    import sympy

    check_number("digits", digits, "it is the number of decimal digits", 1)
    (u, begin, end), integrand = integral.limits[0], integral.function
    function = sympy.lambdify(u, integrand, "mpmath")

    def precise(value: Any) -> Any:
        with mpmath.workdps(6 * digits):
            return function(value)

    with mpmath.workdps(digits):
        value = mpmath.quad(precise, [mpmath.mpf(str(sympy.N(begin, digits))), mpmath.mpf(str(sympy.N(end, digits)))])
        return sympy.Float(value, digits)
