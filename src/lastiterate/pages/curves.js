// Loss curves that can be looked into: x as updates, tokens or the sum of learning rates; linear or logarithmic; runs switched on
// and off in the legend; a closer look at the last .01 of loss.
"use strict";
const curves = (() => {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const narrow = () => innerWidth < 700;
  const ink = () => getComputedStyle(document.body).color;
  const layout = (more = {}) => ({
    paper_bgcolor: "transparent", plot_bgcolor: "transparent", font: {color: ink(), size: 13, family: "system-ui, sans-serif"}, hovermode: "closest",
    margin: {l: 62, r: 12, t: 10, b: 46}, legend: {font: {size: 11}, ...(narrow() ? {orientation: "h", y: -0.25} : {})}, colorway: dark.matches
      ? ["#56b4e9", "#f0a050", "#4fc99f", "#e58fbf", "#f0e442", "#a0b4ff", "#bbbbbb"] : ["#0072b2", "#b84f00", "#00805c", "#a8487f", "#8a7a00", "#4a5fc1", "#666666"], ...more,
  });
  const axis = (title, more = {}) => ({title: {text: title}, gridcolor: dark.matches ? "#39424c" : "#dfe3e8", zeroline: false, linecolor: ink(), ...more});
  const CONFIG = {responsive: true, displaylogo: false, modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"]};
  const NAMES = {steps: "Update", tokens: "Tokens", sum: "Sum of learning rates"};

  // A chart in `root` of runs {name, group, steps, loss, sum, dash, width, colour, band}; `extra()` gives more traces.
  function chart(root, runs, {tokensPerUpdate = null, unit = "Loss", extra = () => []} = {}) {
    const state = {x: "steps", logx: false, logy: false, near: false};
    const bar = document.createElement("div"), plot = document.createElement("div");
    bar.className = "bar";
    plot.className = "plot";
    root.replaceChildren(bar, plot);
    const xs = (run) => state.x === "sum" ? run.sum : state.x === "tokens" ? run.steps.map((s) => s * tokensPerUpdate) : run.steps;
    function traces() {
      const all = [...runs, ...extra()], found = [];
      for (const run of all) {
        if (run.low && state.x !== "none") {
          found.push({x: [...xs(run), ...xs(run).toReversed()], y: [...run.high, ...run.low.toReversed()], fill: "toself", line: {width: 0}, fillcolor: "rgba(120,140,220,.18)",
            hoverinfo: "skip", showlegend: false, legendgroup: run.group, type: "scatter"});
        }
        found.push({x: xs(run), y: run.loss, name: run.group, legendgroup: run.group, showlegend: !found.some((other) => other.name === run.group), mode: run.mode ?? "lines", type: "scatter",
          line: {width: run.width ?? 1.3, dash: run.dash, color: run.colour}, marker: {size: 3, color: run.colour}, opacity: run.opacity ?? 1,
          hovertemplate: `%{y:.4f} at %{x:.4s}<extra>${run.name.replace(/[<>&%{}]/g, " ")}</extra>`});
      }
      return found;
    }
    function range() {
      const ends = [...runs, ...extra()].filter((run) => run.loss.length).map((run) => run.loss.at(-1)), least = Math.min(...ends);
      if (state.near) return [least - 0.002, least + 0.01];
      const values = [...runs, ...extra()].flatMap((run) => run.loss.slice(Math.ceil(run.loss.length * 0.08))).filter(Number.isFinite).sort((a, b) => a - b);
      const low = values[0], high = values[Math.floor(values.length * 0.98)];
      return [low - 0.03 * (high - low), high + 0.05 * (high - low)];
    }
    function draw() {
      const [low, high] = range();
      const y = state.logy ? axis(unit, {type: "log", range: [Math.log10(low), Math.log10(high)]}) : axis(unit, {range: [low, high]});
      Plotly.react(plot, traces(), layout({margin: {l: 62, r: 12, t: 34, b: 46}, xaxis: axis(NAMES[state.x], {type: state.logx ? "log" : "linear", exponentformat: "SI"}), yaxis: y, uirevision: JSON.stringify(state)}), CONFIG);
    }
    const choice = (label, key, options) => {
      const select = document.createElement("select"), named = document.createElement("label");
      for (const [value, text] of Object.entries(options)) select.append(new Option(text, value));
      select.addEventListener("change", () => { state[key] = select.value; draw(); });
      named.append(label, " ", select);
      bar.append(named);
    };
    const toggle = (label, key) => {
      const box = document.createElement("input"), named = document.createElement("label");
      box.type = "checkbox";
      box.addEventListener("change", () => { state[key] = box.checked; draw(); });
      named.append(box, " ", label);
      bar.append(named);
    };
    choice("Over", "x", {steps: "updates", ...(tokensPerUpdate ? {tokens: "tokens"} : {}), ...(runs.every((run) => run.sum) ? {sum: "sum of learning rates"} : {})});
    toggle("x logarithmic", "logx");
    toggle("loss logarithmic", "logy");
    toggle("the last .01 of loss", "near");
    draw();
    dark.addEventListener("change", draw);
    return {draw, state};
  }
  return {chart, layout, axis, narrow, CONFIG, dark};
})();
