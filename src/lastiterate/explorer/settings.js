// Settings of trainers: texts with gaps (templates.py), filled in with the numbers of a schedule.
"use strict";
const trainerSettings = (() => {
  const pyFloat = (x) => { // repr of a float
    const [mantissa, exponent] = x.toExponential().split("e"), e = Number(exponent), digits = mantissa.replace(/[-.]/g, "");
    const sign = x < 0 ? "-" : "";
    if (x === 0) return "0.0";
    if (e < -4 || e >= 16) return `${mantissa}e${e < 0 ? "-" : "+"}${String(Math.abs(e)).padStart(2, "0")}`;
    if (e < 0) return `${sign}0.${"0".repeat(-e - 1)}${digits}`;
    return digits.length <= e + 1 ? `${sign}${digits}${"0".repeat(e + 1 - digits.length)}.0` : `${sign}${digits.slice(0, e + 1)}.${digits.slice(e + 1)}`;
  };
  const VALUES = { // as in templates.py; whole numbers, then floats
    "T": (v) => v.T, "W": (v) => v.W, "S": (v) => v.S, "N": (v) => v.N, "E": (v) => v.E, "T-1": (v) => v.T - 1, "T+1": (v) => v.T + 1,
    "S+1": (v) => v.S + 1, "S-1": (v) => v.S - 1, "N-1": (v) => v.N - 1, "E+1": (v) => v.E + 1, "E-1": (v) => v.E - 1, "T-W": (v) => v.T - v.W,
    "T-W-1": (v) => v.T - v.W - 1, "S-W": (v) => v.S - v.W, "S-E": (v) => v.S - v.E, "E-W": (v) => v.E - v.W, "S-W+1": (v) => v.S - v.W + 1,
    "W-1": (v) => v.W - 1, "W+1": (v) => v.W + 1, "N+1": (v) => v.N + 1,
  };
  const FLOATS = {
    "peak": (v) => v.peak, "final": (v) => v.final, "F": (v) => v.F, "peak*final": (v) => v.peak * v.final, "peak*F": (v) => v.peak * v.F,
    "F-final": (v) => v.F - v.final, "1-final": (v) => 1 - v.final, "W/T": (v) => v.W / v.T, "N/T": (v) => v.N / v.T, "S/T": (v) => v.S / v.T,
    "W/(T+1)": (v) => v.W / (v.T + 1), "N/(T+1)": (v) => v.N / (v.T + 1), "(N+1)/(T+1)": (v) => (v.N + 1) / (v.T + 1),
    "peak*(1-1/N)": (v) => v.peak * (1 - 1 / Math.max(v.N, 1)),
  };
  const written = (name, v) => name in VALUES ? String(VALUES[name](v)) : pyFloat(FLOATS[name](v));
  const fill = (template, v) => template.map((piece, i) => i % 2 ? written(piece, v) : piece).join("");

  return {fill};
})();
