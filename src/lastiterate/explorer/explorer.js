// The schedule explorer: a schedule bent by hand, and what the bound says of it. Numbers come from numerics.js; the settings of
// trainers are texts with gaps that the page was built with (templates.py).
"use strict";
(() => {
  const NS = "http://www.w3.org/2000/svg", WIDTH = 640, HEIGHT = 200, LEFT = 46, RIGHT = 14, TOP = 12, BOTTOM = 26;
  const SAMPLES = 160, COARSE = 50; // values of t that are drawn; while a knee moves
  const MAX_STEPS = 1000000;
  const {phasesOf, factors, toJson, shortestFraction, tuned, omegaAt, tunedWorstCase, worstCaseAt, extend} = numerics;
  const NAMES = {constant: "constant", wsd: "warmup, stable, decay (wsd)", linear: "linear decay", one_minus_sqrt: "1-sqrt decay",
    cosine: "cosine", inverse_sqrt: "1/sqrt", two_stage: "two stages, then decay"};
  const SHAPES = {linear: "linear", "1-sqrt": "1-sqrt", cosine: "cosine"};
  const COOLED = ["wsd", "inverse_sqrt", "two_stage"], ENDING = ["wsd", "linear", "one_minus_sqrt", "cosine", "two_stage"];

  // ---- numbers as people write them ------------------------------------------------------------------------------
  const short = (x) => !Number.isFinite(x) ? "—" : x === 0 ? "0" : Math.abs(x) >= 1e5 || Math.abs(x) < 1e-3 ? x.toExponential(3) : String(+x.toPrecision(4));
  const percent = (x) => `${x >= 0 ? "+" : "−"}${Math.abs(100 * x).toFixed(1)} %`;

  // ---- settings of trainers ----------------------------------------------------------------------------------------------------
  // The numbers of a schedule that the texts take, as templates.numbers has them.
  const numbersOf = (s, phases, peak) => {
    const decay = phases.at(-1).kind === "decay" ? phases.at(-1) : null;
    const begin = !decay ? s.total : s.family === "cosine" ? s.warmup : s.total - decay.steps - 1;
    return {T: s.total, W: s.warmup, S: begin, N: s.total - begin, E: s.family === "two_stage" ? s.switch : 0,
            F: s.family === "two_stage" ? s.factor : 0, peak, final: ENDING.includes(s.family) ? s.final : 0};
  };
  const settingsText = (data, s, phases, peak, trainer) => {
    const ends = ENDING.includes(s.family) && s.final > 0, decay = phases.at(-1).kind === "decay" && phases.at(-1).steps > 0;
    let family = s.family, shape = COOLED.includes(family) ? s.shape : "";
    if (family === "wsd" && !decay) [family, shape] = ["constant", ""];
    if (family === "inverse_sqrt" && !decay) shape = "";
    const kind = `${family}/${shape}/${s.warmup ? "warmup" : ""}/${ends && family !== "constant" ? "ends" : ""}`;
    const at = data.kinds[kind]?.[trainer], values = numbersOf(s, phases, peak);
    if (family === "constant") values.final = 0;
    return at === undefined || !trainerSettings.within(kind, values) ? null : trainerSettings.fill(data.texts[at], values);
  };

  // ---- the page ----------------------------------------------------------------------------------------------------------------
  const element = (name, attributes = {}, ...children) => {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  };
  const svg = (name, attributes = {}, ...children) => {
    const made = document.createElementNS(NS, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  };

  class Explorer {
    constructor(root, data) {
      this.root = root;
      this.data = data;
      this.state = {family: "wsd", total: 1000, warmup: 0, cooldown: 0.2, shape: "linear", final: 0, switch: 400, factor: 0.5,
                    exponent: 0, peak: 0.001, longer: 4000, output: "JSON"};
      this.build();
      this.update();
    }

    // The schedule as asked for, made possible: knees in order, everything within the horizon.
    get schedule() {
      const s = {...this.state};
      s.warmup = Math.min(s.warmup, s.total - 1);
      if (s.family === "two_stage") s.switch = Math.max(s.warmup, Math.min(s.switch, s.total - 1));
      const after = s.family === "two_stage" ? s.switch : s.warmup, most = s.total + 1 - after;
      if (Math.trunc(s.cooldown * (s.total + 1)) > most) s.cooldown = shortestFraction(Math.max(most - 1, 0), s.total + 1);
      if (s.family === "inverse_sqrt") s.final = 0;
      if (s.family === "two_stage") s.final = Math.min(s.final, s.factor);
      return s;
    }

    norms(total) { // G_t = t^-exponent, or null if constant
      const p = this.state.exponent;
      return p ? Float64Array.from({length: total}, (_, i) => (i + 1) ** -p) : null;
    }

    field(label, input, show = () => true) {
      const id = `li-${label.replace(/\W+/g, "-").toLowerCase()}`;
      input.id = id;
      const row = element("div", {class: "li-field"}, element("label", {for: id}, label), input);
      this.rows.push([row, show]);
      return row;
    }

    number(key, attributes) {
      const input = element("input", {type: "number", ...attributes});
      this.inputs[key] = input;
      input.addEventListener("change", () => {
        const value = Number(input.value), {min, max} = attributes;
        const kept = input.value === "" || Number.isNaN(value) ? this.state[key] : Math.max(min ?? -Infinity, Math.min(max ?? Infinity, value));
        this.state[key] = attributes.step === "1" ? Math.round(kept) : kept;
        this.update();
      });
      return input;
    }

    choice(key, options) {
      const select = element("select");
      for (const [value, label] of Object.entries(options)) select.append(element("option", {value}, label));
      this.inputs[key] = select;
      select.addEventListener("change", () => { this.state[key] = select.value; this.update(); });
      return select;
    }

    build() {
      this.rows = [];
      this.inputs = {};
      const has = (...families) => () => families.includes(this.state.family);
      const form = element("form", {class: "li-controls", "aria-label": "Schedule"},
        this.field("Schedule", this.choice("family", NAMES)),
        this.field("Updates T", this.number("total", {min: 20, max: MAX_STEPS, step: "1"})),
        this.field("Warmup updates", this.number("warmup", {min: 0, max: MAX_STEPS, step: "1"})),
        this.field("Cooldown fraction", this.number("cooldown", {min: 0, max: 1, step: "any"}), has(...COOLED)),
        this.field("Decay shape", this.choice("shape", SHAPES), has(...COOLED)),
        this.field("Second stage after update", this.number("switch", {min: 0, max: MAX_STEPS, step: "1"}), has("two_stage")),
        this.field("Second stage factor", this.number("factor", {min: 0.01, max: 1, step: "any"}), has("two_stage")),
        this.field("Final LR / peak", this.number("final", {min: 0, max: 1, step: "any"}), has(...ENDING)),
        this.field("Gradient norms t^−p, p", this.number("exponent", {min: -1, max: 1, step: "any"})));
      form.addEventListener("submit", (event) => event.preventDefault());
      this.lrChart = svg("svg", {viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "li-chart", role: "group", "aria-label": "Learning rate, as a factor of the peak, against the update; its knees can be moved"});
      this.boundChart = svg("svg", {viewBox: `0 0 ${WIDTH} ${HEIGHT + 20}`, class: "li-chart", role: "img", "aria-label": "Bound after every update"});
      this.readout = element("p", {class: "li-readout", "aria-hidden": "true"});
      this.values = element("dl", {class: "li-values", "aria-live": "polite"});
      this.why = element("p", {class: "li-why"});
      this.extended = element("output", {class: "li-extended"});
      this.longChart = svg("svg", {viewBox: `0 0 ${WIDTH} 120`, class: "li-chart li-long", role: "img", "aria-label": "Learning rate of the first run and of the extended one"});
      this.text = element("pre", {class: "li-text", tabindex: "0", "aria-label": "Schedule or settings"});
      const copy = element("button", {type: "button", class: "li-copy"}, "Copy");
      copy.addEventListener("click", async () => {
        try { await navigator.clipboard.writeText(this.text.textContent); copy.textContent = "Copied"; }
        catch { getSelection().selectAllChildren(this.text); copy.textContent = "Selected: press Ctrl+C"; }
        setTimeout(() => { copy.textContent = "Copy"; }, 2000);
      });
      const legend = element("p", {class: "li-legend"});
      for (const [name, text] of [["bound", "Ω of this schedule at its best LR"], ["linear", "Ω of linear decay at its"], ["worst", "exact worst case of this schedule at the same LR"]]) {
        legend.append(element("span", {class: `li-key li-${name}`}), text, " ");
      }
      this.root.replaceChildren(
        form,
        element("div", {class: "li-charts"}, this.lrChart, this.boundChart, this.readout, legend),
        element("div", {class: "li-results"}, this.values, this.why),
        element("fieldset", {class: "li-extend"}, element("legend", {}, "Longer than planned"),
          this.field("Extend to updates", this.number("longer", {min: 20, max: MAX_STEPS, step: "1"})), this.extended, this.longChart),
        element("fieldset", {class: "li-settings"}, element("legend", {}, "Take it along"),
          this.field("Peak LR", this.number("peak", {min: 1e-12, max: 1e6, step: "any"})),
          this.field("As", this.choice("output", {JSON: "JSON for lastiterate", ...this.data.trainers})), copy, this.text));
      this.buildKnees();
      this.boundChart.addEventListener("pointermove", (event) => this.point(event));
      this.boundChart.addEventListener("pointerleave", () => { this.readout.textContent = ""; this.cursor?.setAttribute("visibility", "hidden"); });
    }

    // ---- knees: what can be moved, by mouse, finger and arrow keys ----
    buildKnees() {
      this.lrCurves = svg("g");
      this.lrChart.append(this.lrCurves);
      const cool = (s, x) => { s.cooldown = shortestFraction(Math.max(0, Math.min(s.total + 1 - x, s.total)), s.total + 1); };
      this.knees = {
        warmup: {label: "Warmup ends", x: (s) => s.warmup, y: () => 1, move: (s, x) => { s.warmup = Math.max(0, Math.min(x, s.total - 1)); }, show: () => true},
        switch: {label: "Second stage begins", x: (s) => s.switch, y: (s) => s.factor, show: (s) => s.family === "two_stage", both: true,
          move: (s, x, y) => { s.switch = Math.max(s.warmup, Math.min(x, s.total - 1)); s.factor = Math.max(0.01, Math.min(1, y)); }},
        cooldown: {label: "Cooldown begins", x: (s) => s.total + 1 - Math.trunc(s.cooldown * (s.total + 1)), show: (s) => COOLED.includes(s.family),
          y: (s) => s.family === "two_stage" ? s.factor : s.family === "inverse_sqrt" ? Math.max(s.total + 1 - s.warmup - Math.trunc(s.cooldown * (s.total + 1)), 1) ** -0.5 : 1,
          move: (s, x) => cool(s, Math.max(x, (s.family === "two_stage" ? s.switch : s.warmup) + 1))},
        final: {label: "Final learning rate", x: (s) => s.total, y: (s) => s.final, vertical: true, show: (s) => ENDING.includes(s.family),
          move: (s, x, y) => { s.final = Math.max(0, Math.min(1, y)); }},
      };
      for (const [name, knee] of Object.entries(this.knees)) {
        knee.dot = svg("circle", {r: 6, class: "li-dot"});
        knee.handle = svg("g", {class: "li-knee", tabindex: 0, role: "slider", "aria-label": knee.label, "data-knee": name}, svg("circle", {r: 18, class: "li-hit"}), knee.dot);
        knee.handle.addEventListener("pointerdown", (event) => this.drag(event, knee));
        knee.handle.addEventListener("keydown", (event) => this.key(event, knee));
        this.lrChart.append(knee.handle);
      }
    }

    drag(event, knee) {
      event.preventDefault();
      knee.handle.focus();
      knee.handle.setPointerCapture(event.pointerId);
      const move = (at) => {
        const box = this.lrChart.getBoundingClientRect(), s = this.schedule;
        const x = ((at.clientX - box.left) / box.width * WIDTH - LEFT) / (WIDTH - LEFT - RIGHT) * s.total;
        const y = (HEIGHT - BOTTOM - (at.clientY - box.top) / box.height * HEIGHT) / (HEIGHT - TOP - BOTTOM);
        this.moveTo(knee, Math.round(x), +y.toFixed(3), true);
      };
      const end = () => {
        knee.handle.removeEventListener("pointermove", move);
        knee.handle.removeEventListener("pointerup", end);
        knee.handle.removeEventListener("pointercancel", end);
        this.update();
      };
      knee.handle.addEventListener("pointermove", move);
      knee.handle.addEventListener("pointerup", end);
      knee.handle.addEventListener("pointercancel", end);
    }

    key(event, knee) {
      const s = this.schedule, step = Math.max(1, Math.round(s.total * (event.shiftKey ? 0.05 : 0.01))), lift = event.shiftKey ? 0.05 : 0.01;
      const by = {ArrowLeft: [-step, knee.vertical ? -lift : 0], ArrowRight: [step, knee.vertical ? lift : 0], ArrowDown: [knee.both || knee.vertical ? 0 : -step, -lift],
                  ArrowUp: [knee.both || knee.vertical ? 0 : step, lift]}[event.key];
      if (!by) return;
      event.preventDefault();
      this.moveTo(knee, knee.x(s) + by[0], +(knee.y(s) + by[1]).toFixed(3), false);
    }

    moveTo(knee, x, y, coarse) {
      const s = this.schedule;
      knee.move(s, x, y);
      Object.assign(this.state, {warmup: s.warmup, cooldown: s.cooldown, final: s.final, switch: s.switch, factor: s.factor});
      this.update(coarse);
    }

    // ---- everything that follows from the state ----
    update(coarse = false) {
      const s = this.schedule;
      for (const key of ["warmup", "cooldown", "switch", "factor", "final"]) this.state[key] = s[key];
      for (const [row, show] of this.rows) row.hidden = !show();
      for (const [key, input] of Object.entries(this.inputs)) if (document.activeElement !== input || input.tagName !== "INPUT") input.value = this.state[key];
      const phases = phasesOf(s), lr = factors(phases), norms = this.norms(s.total);
      const linear = factors(phasesOf({...s, family: "linear", final: 0})), reference = tuned(linear, norms);
      const best = tuned(lr, norms), worst = norms ? null : tunedWorstCase(lr);
      this.found = {s, phases, lr, norms, linear, reference, best, worst};
      this.drawLr();
      this.drawBound(coarse ? COARSE : SAMPLES);
      this.say();
      if (!coarse) { this.sayExtended(); this.sayText(); }
    }

    x(t, total = this.found.s.total) { return LEFT + (WIDTH - LEFT - RIGHT) * t / total; }

    path(values, y, total = values.length) {
      const every = Math.max(1, Math.floor(values.length / 600)), points = [];
      for (let t = 0; t < values.length; t += every) points.push(`${this.x(t + 1, total).toFixed(1)},${y(values[t]).toFixed(1)}`);
      points.push(`${this.x(values.length, total).toFixed(1)},${y(values.at(-1)).toFixed(1)}`);
      return `M${points.join("L")}`;
    }

    drawLr() {
      const {s, lr, linear} = this.found, y = (value) => HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value;
      this.lrCurves.replaceChildren(this.axes(y, [0, 0.5, 1], HEIGHT, "LR / peak"), svg("path", {d: this.path(linear, y), class: "li-line li-linear"}), svg("path", {d: this.path(lr, y), class: "li-line li-bound"}));
      for (const knee of Object.values(this.knees)) { // the handles stay in the page: one that left it would let go of the pointer
        const shown = knee.show(s);
        knee.handle.setAttribute("visibility", shown ? "visible" : "hidden");
        knee.handle.setAttribute("tabindex", shown ? 0 : -1);
        if (!shown) continue;
        const at = knee.vertical ? knee.y(s) : knee.x(s), text = knee.vertical ? `${short(at)} of the peak` : `update ${at}${knee.both ? `, factor ${short(knee.y(s))}` : ""}`;
        knee.handle.setAttribute("transform", `translate(${this.x(Math.min(knee.x(s), s.total)).toFixed(1)} ${y(knee.y(s)).toFixed(1)})`);
        for (const [name, value] of Object.entries({"aria-valuemin": 0, "aria-valuemax": knee.vertical ? 1 : s.total, "aria-valuenow": at, "aria-valuetext": text})) knee.handle.setAttribute(name, value);
      }
    }

    drawBound(samples) {
      const {s, lr, norms, linear, best, reference, worst} = this.found, total = s.total, height = HEIGHT + 20;
      const times = [...new Set(Array.from({length: samples + 1}, (_, i) => Math.max(1, Math.round(total * (i / samples)))))];
      const curves = {
        linear: times.map((t) => omegaAt(linear, norms, reference.baseLr, t)),
        worst: worst ? times.map((t) => worstCaseAt(lr, best.baseLr, t)) : [],
        bound: times.map((t) => omegaAt(lr, norms, best.baseLr, t)),
      };
      this.times = times;
      this.curves = curves;
      const late = [].concat(...Object.values(curves).map((curve) => curve.slice(Math.ceil(times.length * 0.04)))).filter((v) => v > 0 && Number.isFinite(v));
      const low = Math.min(...late) * 0.9, high = Math.max(Math.min(Math.max(...late), 30 * low), 1.5 * low);
      const y = (v) => height - BOTTOM - (height - TOP - BOTTOM) * Math.log(Math.max(low, Math.min(v, high)) / low) / Math.log(high / low);
      const ticks = [1, 2, 5].flatMap((m) => Array.from({length: 24}, (_, i) => m * 10 ** (i - 12))).filter((v) => v >= low && v <= high);
      const parts = [this.axes(y, ticks, height, norms ? "Ω, G₁ D" : "Ω / (D G)")];
      for (const [name, curve] of Object.entries(curves)) {
        const points = curve.map((v, i) => [times[i], v]).filter(([, v]) => Number.isFinite(v) && v <= high).map(([t, v]) => `${this.x(t).toFixed(1)},${y(v).toFixed(1)}`);
        if (points.length) parts.push(svg("path", {d: `M${points.join("L")}`, class: `li-line li-${name}`}));
      }
      this.cursor = svg("line", {y1: TOP, y2: height - BOTTOM, class: "li-cursor", visibility: "hidden"});
      this.boundChart.replaceChildren(...parts, this.cursor);
      this.boundChart.setAttribute("aria-label", `Bound after every update: ${short(best.value)} after the last, linear decay ${short(reference.value)}`);
    }

    axes(y, ticks, height, label, total = this.found.s.total) {
      const group = svg("g", {class: "li-axes", "aria-hidden": "true"});
      for (const tick of ticks) group.append(svg("line", {x1: LEFT, x2: WIDTH - RIGHT, y1: y(tick), y2: y(tick)}), svg("text", {x: LEFT - 6, y: y(tick) + 4, "text-anchor": "end"}, short(tick)));
      for (let i = 0; i <= 4; i++) group.append(svg("text", {x: this.x(i, 4), y: height - 8, "text-anchor": i === 4 ? "end" : "middle", ...(i % 2 ? {class: "li-quarter"} : {})}, `${i === 4 ? "update " : ""}${Math.round(total * i / 4)}`));
      group.append(svg("text", {x: WIDTH - RIGHT - 2, y: TOP + 12, "text-anchor": "end", class: "li-axis-name"}, label));
      return group;
    }

    point(event) {
      const box = this.boundChart.getBoundingClientRect(), {s, lr, best} = this.found;
      const at = ((event.clientX - box.left) / box.width * WIDTH - LEFT) / (WIDTH - LEFT - RIGHT) * s.total;
      const i = this.times.reduce((near, t, j) => Math.abs(t - at) < Math.abs(this.times[near] - at) ? j : near, 0), t = this.times[i];
      this.cursor.setAttribute("x1", this.x(t));
      this.cursor.setAttribute("x2", this.x(t));
      this.cursor.setAttribute("visibility", "visible");
      const worst = this.curves.worst.length ? `, exact worst case ${short(this.curves.worst[i])}` : "";
      this.readout.textContent = `update ${t}: LR ${short(lr[t - 1] * best.baseLr)} D/G, Ω ${short(this.curves.bound[i])}${worst}, linear decay's Ω ${short(this.curves.linear[i])}`;
    }

    say() {
      const {s, lr, norms, best, reference, worst, phases} = this.found, [distance, noise, last] = best.terms;
      const rows = [
        ["Ω at the best LR", short(best.value), norms ? "D G₁" : "D G", "omega"],
        ["against linear decay", percent(best.value / reference.value - 1), "", "ratio"],
        ["exact worst case at its best LR", worst ? short(worst.value) : "—", worst ? "D G" : "constant norms only", "worst"],
        ["against linear decay", worst ? percent(worst.value * Math.sqrt(s.total) - 1) : "—", worst ? "= D G/√T, the least possible" : "", "worst-ratio"],
        ["best LR γ*", short(best.baseLr), "D/G", "gamma"],
        ["γ* over that of linear decay", short(best.baseLr / reference.baseLr), "the factor on a tuned LR", "transfer"],
      ];
      this.values.replaceChildren(...rows.map(([name, value, unit, key]) => element("div", {}, element("dt", {}, name), element("dd", {"data-value": key}, value, unit ? element("small", {}, ` ${unit}`) : ""))));
      for (const [key, exact] of Object.entries({omega: best.value, ratio: best.value / reference.value, worst: worst?.value, gamma: best.baseLr, transfer: best.baseLr / reference.baseLr})) {
        this.values.querySelector(`[data-value="${key}"]`).dataset.exact = exact ?? "";
      }
      const flat = tuned(factors(phasesOf({...s, family: "constant"})), norms), cooled = phases.at(-1).kind === "decay";
      const share = (terms) => `${Math.round(100 * terms[2] / (terms[0] + terms[1] + terms[2]))} %`;
      const others = COOLED.includes(s.family) && cooled ? Object.keys(SHAPES).filter((shape) => shape !== s.shape).map((shape) => `${shape} ${percent(tuned(factors(phasesOf({...s, shape})), norms).value / best.value - 1)}`) : [];
      this.why.textContent = `Of Ω, ${short(distance)} is what is left of the way, ${short(noise)} the noise of an average, and ${short(last)} (${share(best.terms)}) what the last iterate pays for not being an average` +
        (s.family === "constant" ? ": small steps at the end would make up for it." : ` (constant LR: ${share(flat.terms)} of ${short(flat.value)}).`) +
        (others.length ? ` The same cooldown with another shape: Ω ${others.join(", ")}.` : "");
    }

    sayExtended() {
      const s = this.schedule, total = this.state.longer;
      this.longChart.replaceChildren();
      for (const key of ["factor", "bound"]) delete this.extended.dataset[key];
      if (total <= s.total) { this.extended.textContent = `Give more than ${s.total} updates.`; return; }
      const found = extend(s, total, (steps) => this.norms(steps));
      this.found.extension = found;
      if (!found) { this.extended.textContent = "No factor keeps this LR the best one: see lastiterate transfer, or choose another schedule."; return; }
      const gain = `Ω ${short(found.bound)}, ${percent(found.bound / found.unadapted - 1)} against keeping the LR; linear decay from the start would have ${short(found.linear)}.`;
      this.extended.textContent = found.how === "second_stage"
        ? `From update ${found.switchStep} on, before the cooldown of the first run, lower the LR to ${short(found.factor)} of the peak: ${gain}`
        : `There is no stable phase to branch from: a new run, at ${short(found.factor)} times the LR that was best for ${s.total} updates: ${gain}`;
      const scale = found.how === "base_lr" ? found.factor : 1, longer = factors(found.phases).map((value) => scale * value);
      const y = (value) => 94 - 82 * value / Math.max(1, scale);
      this.longChart.replaceChildren(this.axes(y, [0, 1], 120, "LR / peak of the first run", total), svg("path", {d: this.path(this.found.lr, y, total), class: "li-line li-linear"}),
        svg("path", {d: this.path(longer, y), class: "li-line li-bound"}));
      this.extended.dataset.factor = found.factor;
      this.extended.dataset.bound = found.bound;
    }

    sayText() {
      const {s, phases} = this.found, {peak, output} = this.state, json = toJson(s.family, phases, peak);
      if (output === "JSON") { this.text.textContent = json; return; }
      const text = settingsText(this.data, s, phases, peak, output);
      this.text.textContent = text ?? `# ${this.data.trainers[output]} cannot execute this schedule exactly, or its settings need the whole run. Save the JSON and ask:\nlastiterate export --schedule schedule.json --trainer ${output} --nearest`;
    }
  }

  for (const root of document.querySelectorAll("[data-lastiterate-explorer]")) {
    root.explorer = new Explorer(root, JSON.parse(document.getElementById("lastiterate-explorer-settings").textContent));
  }
})();
