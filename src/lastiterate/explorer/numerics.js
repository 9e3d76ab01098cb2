// Schedules, the bound and the exact worst case as in lastiterate.schedules, .bound, .worst_case and .transfer: same names, same
// formulas, same order of operations. Updates count from 1, arrays from 0. D = G = 1 unless a vector of gradient norms is given.
"use strict";
const numerics = (() => {
  const INITIAL = 0; // first factor of a warmup

  // ---- schedules -------------------------------------------------------------------------------------------------------------
  const shapes = {
    constant: (x, p) => p.start,
    linear: (x, p) => p.end > p.start ? p.start + (x / p.span) * (p.end - p.start) : p.start - x * (p.start - p.end) / p.span,
    "1-sqrt": (x, p) => p.end + (p.start - p.end) * (1 - Math.sqrt(x / p.span)),
    cosine: (x, p) => p.end + 0.5 * (p.start - p.end) * (1 + Math.cos(x / p.span * Math.PI)),
    inverse_sqrt: (x, p) => p.start / Math.sqrt(x),
  };
  const phase = (kind, steps, fields = {}) => ({kind, steps, shape: "constant", start: 1, end: 1, span: 1, offset: 0, ...fields});
  const warmup = (s) => s.warmup ? [phase("warmup", s.warmup, {shape: "linear", start: INITIAL, end: 1, span: s.warmup})] : [];
  const lastFactor = (p) => shapes[p.shape](p.offset + p.steps - 1, p);

  // N = int(c (T+1)), one less if warmup and decay would fill every entry.
  const decayEntries = (s) => {
    const count = Math.min(Math.trunc(s.cooldown * (s.total + 1)), s.total + 1 - s.warmup);
    return count && s.warmup + count === s.total + 1 ? count - 1 : count;
  };
  const stableAndDecay = (entries, count, main, start, shape, final) => count
    ? [{...main, steps: entries - count}, phase("decay", count - 1, {shape, start, end: final, span: count, offset: 1})]
    : [{...main, steps: entries - 1}];

  // Phases of {family, total, warmup, cooldown, shape, final, switch, factor}.
  const families = {
    constant: (s, entries) => [phase("stable", entries - 1)],
    wsd: (s, entries) => stableAndDecay(entries, decayEntries(s), phase("stable", 0), 1, s.shape, s.final),
    linear: (s, entries) => fullDecay(s, entries, "linear"),
    one_minus_sqrt: (s, entries) => fullDecay(s, entries, "1-sqrt"),
    cosine: (s, entries) => [phase("decay", entries - 1, {shape: "cosine", end: s.final, span: Math.max(s.total - s.warmup, 1)})],
    inverse_sqrt: (s, entries) => {
      const count = decayEntries(s), start = Math.max(entries - count, 1) ** -0.5;
      return stableAndDecay(entries, count, phase("stable", 0, {shape: "inverse_sqrt", offset: 1}), start, s.shape, Math.min(s.final, start));
    },
    two_stage: (s, entries) => {
      const count = Math.min(decayEntries(s), s.total + 1 - s.switch), first = phase("stable", s.switch - s.warmup);
      return [first, ...stableAndDecay(entries - first.steps, count, phase("stable", 0, {start: s.factor}), s.factor, s.shape, Math.min(s.final, s.factor))];
    },
  };
  const fullDecay = (s, entries, shape) => entries > 1 ? stableAndDecay(entries, entries - 1, phase("stable", 0), 1, shape, s.final) : [];
  const phasesOf = (s) => [...warmup(s), ...families[s.family](s, s.total + 1 - s.warmup)];

  const factors = (phases) => {
    const lr = new Float64Array(phases.reduce((sum, p) => sum + p.steps, 0));
    let t = 0;
    for (const p of phases) for (let j = 0; j < p.steps; j++) lr[t++] = shapes[p.shape](p.offset + j, p);
    return lr;
  };

  // What Schedule.to_json writes.
  const toJson = (name, phases, peak) => JSON.stringify({
    name, peak_lr: peak,
    phases: phases.map((p) => Object.fromEntries(Object.entries(p).filter(([key, value]) =>
      ["kind", "steps", "shape"].includes(key) || value !== {start: 1, end: 1, span: 1, offset: 0}[key]))),
  });

  // The decimal fraction of fewest digits with trunc(c entries) = count.
  const shortestFraction = (count, entries) => {
    for (let digits = 1; digits < 16; digits++) {
      const first = Math.ceil(count * 10 ** digits / entries);
      for (const c of [first / 10 ** digits, (first + 1) / 10 ** digits]) if (Math.trunc(c * entries) === count) return c;
    }
    return count / entries;
  };

  // ---- the bound -------------------------------------------------------------------------------------------------------------
  // [1/(2 S_t), what gamma multiplies, the part of it that the average pays too] after update t: gaps are summed from the end.
  const terms = (lr, norms, t) => {
    let gap = 0, rest = 0, noise = 0;
    for (let k = t - 1; k >= 0; k--) {
      if (!lr[k]) continue;
      const square = norms ? norms[k] * norms[k] : 1, charge = lr[k] * square * lr[k];
      noise += charge;
      rest += gap ? charge / gap : lr[k] * square;
      gap += lr[k];
    }
    return gap && lr[t - 1] ? {distance: 1 / (2 * gap), rest: rest / 2, noise: noise / (2 * gap)} : null;
  };
  // gamma* = sqrt(t1/(t2 + t3)), Omega* = 2 sqrt(t1 (t2 + t3)).
  const tuned = (lr, norms = null) => {
    const found = terms(lr, norms, lr.length);
    if (!found || !found.rest) return {baseLr: NaN, value: Infinity, terms: [NaN, NaN, NaN]};
    const gamma = Math.sqrt(found.distance / found.rest);
    return {
      baseLr: gamma, value: 2 * Math.sqrt(found.distance * found.rest),
      terms: [found.distance / gamma, gamma * found.noise, gamma * Math.max(found.rest - found.noise, 0)],
    };
  };
  const omegaAt = (lr, norms, gamma, t) => {
    const found = terms(lr, norms, t);
    return found ? found.distance / gamma + gamma * found.rest : Infinity;
  };

  // ---- the exact worst case --------------------------------------------------------------------------------------------------
  const potential = (lr, t) => {
    let u = 0, v = 0;
    for (let k = t - 2; k >= 0; k--) {
      const x = lr[k];
      if (!(x > 0)) continue;
      if (x > u) { v += x - u; u = x; }
      const square = x * (x / u);
      v += square;
      u += 2 * x + square;
    }
    return [u, v];
  };
  const tunedWorstCase = (lr) => {
    const [u, v] = potential(lr, lr.length);
    return u ? {baseLr: 1 / Math.sqrt(u) / Math.sqrt(v), value: Math.sqrt(v / u)} : {baseLr: NaN, value: 1};
  };
  const worstCaseAt = (lr, gamma, t) => {
    let [u, v] = potential(lr, t);
    [u, v] = [gamma * u, gamma * v];
    if (u < 1) { v += 1 - u; u = 1; }
    return (1 / u + v) / 2;
  };

  // ---- a longer horizon (lastiterate.transfer.extend) -------------------------------------------------------------------------
  // The factor of a second stage with which gamma* stays what it was (for schedules without a stable phase: of the base LR of a new
  // run), and what it gains; null where there is none, or the schedule is an extended one already.
  const extend = (s, total, norm) => {
    if (s.family === "two_stage") return null;
    const first = phasesOf(s), old = tuned(factors(first), norm(s.total)), norms = norm(total);
    const decay = first.at(-1).kind === "decay" ? first.at(-1) : null;
    const stable = first[first.length - (decay ? 2 : 1)];
    const linear = tuned(factors([...warmup(s), ...fullDecay({...s, final: 0}, total + 1 - s.warmup, "linear")]), norms).value;
    if (!stable || stable.kind !== "stable" || (decay && stable.steps === 1)) {
      const longer = {...s, total};
      const best = tuned(factors(phasesOf(longer)), norms);
      return {how: "base_lr", factor: best.baseLr / old.baseLr, bound: best.value, linear, phases: phasesOf(longer),
              unadapted: best.value * Math.cosh(Math.log(best.baseLr / old.baseLr))};
    }
    const head = first.slice(0, first.indexOf(stable)), headSteps = head.reduce((sum, p) => sum + p.steps, 0);
    const switchStep = headSteps + stable.steps;
    const fraction = decay ? shortestFraction(decay.steps + 1, s.total + 1) : 0;
    const count = decay ? Math.max(Math.min(Math.trunc(fraction * (total + 1)), total - headSteps), 1) : 1;
    const cool = (steps, start, factor) => decay
      ? [{...decay, steps, start, end: factor * decay.end, span: Math.max(steps + decay.span - decay.steps, 1)}] : [];
    const second = (factor) => {
      const rest = total + 1 - switchStep - count;
      const offset = stable.offset + (stable.shape === "inverse_sqrt" ? stable.steps : 0);
      const next = {...stable, steps: rest, start: factor * stable.start, offset};
      return [...head, stable, next, ...cool(count - 1, lastFactor(next), factor)];
    };
    const plain = {...stable, steps: total + 1 - headSteps - count};
    const unadapted = tuned(factors([...head, plain, ...cool(count - 1, lastFactor(plain), 1)]), norms);
    const off = (bits) => Math.log(tuned(factors(second(2 ** bits)), norms).baseLr / old.baseLr);
    if (total + 1 - switchStep - count < 1) return null;
    // The first root met from a factor of 1 on the side where a falling function has it, as Search.second_stage.
    const value = off(0), step = value > 0 ? 1.25 : -1.25;
    let near = 0, far = step;
    while (Math.abs(far) < 10 && off(far) * value > 0) { near = far; far += step; }
    if (off(far) * value > 0) return null;
    for (let i = 0; i < 50; i++) { const middle = (near + far) / 2; if (off(middle) * value > 0) near = middle; else far = middle; }
    const factor = 2 ** far, phases = second(factor), best = tuned(factors(phases), norms);
    return {how: "second_stage", factor, switchStep, phases, linear, bound: best.value * Math.cosh(Math.log(best.baseLr / old.baseLr)),
            unadapted: unadapted.value * Math.cosh(Math.log(unadapted.baseLr / old.baseLr))};
  };

  return {INITIAL, phasesOf, factors, toJson, shortestFraction, tuned, omegaAt, tunedWorstCase, worstCaseAt, extend};
})();
if (typeof module !== "undefined") module.exports = numerics;
