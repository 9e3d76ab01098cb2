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
  // The smallest double f with trunc(total f) = count, as lastiterate.schedules.export.text.fraction.
  const bits = new DataView(new ArrayBuffer(8));
  const neighbour = (x, by) => { bits.setFloat64(0, x); bits.setBigInt64(0, bits.getBigInt64(0) + BigInt(by)); return bits.getFloat64(0); };
  const least = (count, total) => {
    if (!count) return 0;
    const value = count / total, near = [...Array.from({length: 9}, (_, i) => neighbour(value, i - 8)), neighbour(value, 1), (count + 0.5) / total];
    return near.find((f) => f <= 1 && Math.trunc(total * f) === count);
  };
  const VALUES = { // as in templates.py; whole numbers, then floats
    "T": (v) => v.T, "W": (v) => v.W, "S": (v) => v.S, "N": (v) => v.N, "E": (v) => v.E, "T-1": (v) => v.T - 1, "T+1": (v) => v.T + 1,
    "S+1": (v) => v.S + 1, "S-1": (v) => v.S - 1, "N-1": (v) => v.N - 1, "E+1": (v) => v.E + 1, "E-1": (v) => v.E - 1, "T-W": (v) => v.T - v.W,
    "T-W-1": (v) => v.T - v.W - 1, "S-W": (v) => v.S - v.W, "S-E": (v) => v.S - v.E, "E-W": (v) => v.E - v.W, "S-W+1": (v) => v.S - v.W + 1,
    "W-1": (v) => v.W - 1, "W+1": (v) => v.W + 1, "N+1": (v) => v.N + 1,
  };
  const FLOATS = {
    "peak": (v) => v.peak, "final": (v) => v.final, "F": (v) => v.F, "peak*final": (v) => v.peak * v.final, "peak*F": (v) => v.peak * v.F,
    "least W/T": (v) => least(v.W, v.T), "least N/T": (v) => least(v.N, v.T),
    "F-final": (v) => v.F - v.final, "1-final": (v) => 1 - v.final, "W/T": (v) => v.W / v.T, "N/T": (v) => v.N / v.T, "S/T": (v) => v.S / v.T,
    "W/(T+1)": (v) => v.W / (v.T + 1), "N/(T+1)": (v) => v.N / (v.T + 1), "(N+1)/(T+1)": (v) => (v.N + 1) / (v.T + 1),
    "peak*(1-1/N)": (v) => v.peak * (1 - 1 / Math.max(v.N, 1)),
  };
  const pointed = (text) => text.includes(".") ? text : text.replace("e", ".0e"); // as YAML reads floats
  const written = (asked, v) => {
    const name = asked.replace(/\.$/, "");
    if (name in VALUES) return String(VALUES[name](v));
    const text = pyFloat(FLOATS[name](v));
    return name === asked ? text : pointed(text);
  };
  const within = (kind, v) => { // as in templates.py
    const family = kind.split("/")[0];
    return v.W !== 1 && (v.N > 2 || (v.N === 0 && ["constant", "inverse_sqrt"].includes(family))) && v.final < 1
      && (!["wsd", "inverse_sqrt", "two_stage"].includes(family) || v.S - Math.max(v.W, v.E) > 1)
      && (family !== "two_stage" || (v.E - v.W > 1 && v.final < v.F && v.F < 1));
  };
  const fill = (template, v) => template.map((piece, i) => i % 2 ? written(piece, v) : piece).join("");

  return {fill, within};
})();
