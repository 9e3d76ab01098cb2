// A plan: the surface of what candidates lose, the one that is taken, the pilots and predictions, the next run.
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent), byId = (id) => document.getElementById(id);
  const {axis, layout, narrow} = curves, CONFIG = {...curves.CONFIG, displayModeBar: false}, chosen = data.candidates.find((one) => one.label === data.chosen);
  const ordered = [...data.candidates].sort((a, b) => a.loses - b.loses), LEAST = 12;
  const signed = (x) => `${x < 0 ? "−" : "+"}${Math.abs(x).toFixed(4)}`, short = (x) => String(+x.toPrecision(4));
  const verdict = (one) => one === chosen ? "this run" : one.apart ? (one.loses > 0 ? "worse, told apart" : "better, told apart") : "not told apart";
  const brief = (text) => narrow() ? text.replace(" cooldown", "") : text;
  let taken = chosen, all = false;

  // What every candidate loses, over learning rate and schedule.
  const families = [...new Set(data.candidates.map((one) => one.family))], rates = [...new Set(data.candidates.map((one) => one.lr))].sort((a, b) => a - b);
  const at = new Map(data.candidates.map((one) => [`${one.family} ${one.lr}`, one]));
  const cell = (family, lr) => at.get(`${family} ${lr}`);
  const cap = Math.max(10 * data.noise, ordered[Math.floor(ordered.length / 2)].loses);
  function surface() {
    const every = Math.ceil(rates.length / (narrow() ? 4 : 8)), z = families.map((family) => rates.map((lr) => cell(family, lr)?.loses ?? null));
    const text = families.map((family) => rates.map((lr) => { const one = cell(family, lr); return one ? `${one.label}<br>loses ${signed(one.loses)} (${signed(one.low)} to ${signed(one.high)})<br>${verdict(one)}` : ""; }));
    const mark = (one, symbol, size) => ({type: "scatter", mode: "markers", x: [rates.indexOf(one.lr)], y: [families.indexOf(one.family)], hoverinfo: "skip", showlegend: false,
      marker: {symbol, size, color: "#c00000", line: {width: 2.5}}});
    Plotly.react("surface", [{type: "heatmap", z, text, hovertemplate: "%{text}<extra></extra>", x: rates.map((_, i) => i), y: families.map((_, i) => i), zmin: 0, zmax: cap, colorscale: "Viridis", reversescale: true,
      colorbar: {title: {text: "loses", side: "right"}, thickness: 12}, xgap: 1, ygap: 1}, mark(chosen, "star-open", 13), ...(taken === chosen ? [] : [mark(taken, "circle-open", 15)])],
    layout({xaxis: axis("Peak learning rate", {tickvals: rates.map((_, i) => i).filter((i) => i % every === 0), ticktext: rates.filter((_, i) => i % every === 0).map(short), tickangle: -35, automargin: true}),
      yaxis: axis("", {tickvals: families.map((_, i) => i), ticktext: families.map(brief), automargin: true}), showlegend: false}), CONFIG);
  }

  // Differences with their intervals: 0 inside is a tie.
  function interval() {
    const shown = [...new Set([...ordered.slice(0, LEAST), chosen, taken])].sort((a, b) => b.loses - a.loses);
    Plotly.react("interval", [{type: "scatter", mode: "markers", x: shown.map((one) => one.loses), y: shown.map((one) => brief(one.label)), customdata: shown.map((one) => one.label),
      error_x: {type: "data", symmetric: false, array: shown.map((one) => one.high - one.loses), arrayminus: shown.map((one) => one.loses - one.low), color: getComputedStyle(document.body).color, thickness: 1.3},
      marker: {size: 8, color: shown.map((one) => one === taken ? "#d55e00" : "#0072b2")}, hovertemplate: "%{y}: %{x:+.4f}<extra></extra>"}],
    layout({xaxis: axis("Final loss minus that of the recommended", {zeroline: true, zerolinecolor: "#888", zerolinewidth: 2}), yaxis: axis("", {automargin: true}),
      shapes: [{type: "rect", x0: -data.noise, x1: data.noise, y0: 0, y1: 1, yref: "paper", fillcolor: "rgba(128,128,128,.25)", line: {width: 0}, layer: "below"}]}), CONFIG);
  }

  function table() {
    byId("rows").replaceChildren(...(all ? ordered : ordered.slice(0, LEAST)).map((one) => {
      const row = document.createElement("tr"), name = document.createElement("button");
      name.type = "button";
      name.textContent = one.label;
      name.addEventListener("click", () => take(one));
      row.setAttribute("aria-selected", String(one === taken));
      const cells = [name, one.loss.toFixed(4), signed(one.loses), one === chosen ? "" : `${signed(one.low)} to ${signed(one.high)}`, verdict(one)];
      cells.forEach((content, i) => {
        const made = document.createElement("td");
        made.append(content);
        if (i === 4) made.className = one.apart ? "apart" : "tie";
        row.append(made);
      });
      return row;
    }));
    byId("level").textContent = `${100 * data.level} % of that`;
    byId("more").hidden = ordered.length <= LEAST;
    byId("more").textContent = all ? "Show the best only" : `Show all ${ordered.length}`;
  }

  // The candidate that is taken: its schedule, settings, curve.
  const as = byId("as");
  for (const [value, label] of Object.entries({JSON: "JSON for lastiterate", ...data.trainers})) as.append(new Option(label, value));
  function text() {
    const json = JSON.stringify(taken.json), found = data.texts[taken.kind]?.[as.value];
    const rest = `# Goes on from the checkpoint after update ${data.start}: what is left of it, and what to do with the checkpoint, says\nlastiterate export --schedule schedule.json --trainer ${as.value} --from-step ${data.start}`;
    byId("text").textContent = as.value === "JSON" ? json : data.start ? rest : found ? trainerSettings.fill(found, taken.values)
      : `# ${data.trainers[as.value]} cannot execute this schedule exactly, or its settings need the whole run. Save the JSON and ask:\nlastiterate export --schedule schedule.json --trainer ${as.value} --nearest`;
  }
  as.addEventListener("change", text);
  byId("copy").addEventListener("click", async () => {
    try { await navigator.clipboard.writeText(byId("text").textContent); byId("copy").textContent = "Copied"; }
    catch { getSelection().selectAllChildren(byId("text")); byId("copy").textContent = "Selected: press Ctrl+C"; }
    setTimeout(() => { byId("copy").textContent = "Copy"; }, 2000);
  });
  function schedule() {
    const line = (one, more) => ({type: "scatter", mode: "lines", x: one.knees.steps, y: one.knees.lr, name: one.label, ...more});
    Plotly.react("schedule", [...(taken === chosen ? [] : [line(chosen, {line: {dash: "dot"}})]), line(taken, {line: {width: 2.5, color: "#d55e00"}})],
      layout({xaxis: axis("Update", {exponentformat: "SI"}), yaxis: axis("Learning rate", {rangemode: "tozero"}), showlegend: taken !== chosen, legend: {x: 1, xanchor: "right", y: 1}}), CONFIG);
  }

  const runs = data.pilots.flatMap((pilot) => [
    {name: pilot.name, peak: pilot.peak, group: `pilots at ${short(pilot.peak)}`, steps: pilot.steps, sum: pilot.sum, loss: pilot.loss, mode: "markers", colour: undefined, opacity: 0.75},
  ]);
  const groups = [...new Set(data.pilots.map((pilot) => pilot.peak))].sort((a, b) => a - b);
  const shade = (peak) => { const i = groups.indexOf(peak) / Math.max(groups.length - 1, 1); return curves.dark.matches ? `hsl(205 80% ${80 - 40 * i}%)` : `hsl(205 75% ${70 - 45 * i}%)`; };
  runs.forEach((run) => { run.colour = shade(run.peak); });
  runs.sort((a, b) => a.peak - b.peak);
  data.pilots.forEach((pilot) => runs.push({name: `${pilot.name}, law`, group: "law on the pilots", steps: pilot.steps, sum: pilot.sum, loss: pilot.fitted, width: 0.8, colour: "#999"}));
  runs.push({name: "recommended", group: "recommended, predicted", ...data.prediction, width: 2.5, colour: "#009e73"});
  const chart = curves.chart(byId("curves"), runs, {tokensPerUpdate: data.tokens_per_update, unit: `Loss (${data.unit})`,
    extra: () => taken === chosen ? [] : [{name: taken.label, group: "taken, predicted", ...taken.curve, width: 2.5, colour: "#d55e00"}]});

  function take(one) {
    taken = one;
    byId("taken").textContent = `Taken: ${one.label}`;
    byId("verdict").textContent = one === chosen ? "The recommended run." :
      `Predicted ${one.loss.toFixed(4)}, ${signed(one.loses)} against the recommended (${100 * data.level} %: ${signed(one.low)} to ${signed(one.high)}): ${verdict(one)}.`;
    surface();
    interval();
    table();
    schedule();
    text();
    chart.draw();
  }
  byId("more").addEventListener("click", () => { all = !all; table(); });

  const facts = data.next ? {
    Run: `${data.next.label}, ${data.next.updates} updates: ${+(100 * data.next.cost).toPrecision(2)} % of the run's cost` + (data.next.branch ? `, or ${data.next.updates - data.next.branch[1]} updates from ${data.next.branch[0]} at ${data.next.branch[1]}` : ""),
    "Regret in a bad case": data.next.decides ? `from ${data.next.before.toFixed(4)} to ${data.next.after.toFixed(4)}` : "no pilot within the budget is expected to change the choice; this one tells most",
    ...Object.fromEntries(data.next.outcomes.map((one) => [
      one.low === null && one.high === null ? "However it ends" : one.low === null ? `If it ends below ${one.high.toFixed(3)}` : one.high === null ? `If it ends above ${one.low.toFixed(3)}` : `If it ends between ${one.low.toFixed(3)} and ${one.high.toFixed(3)}`,
      `${one.choice} (${Math.round(100 * one.probability)} %)`])),
  } : {Run: "None: the budget is too small for a pilot (--budget)."};
  for (const [name, value] of Object.entries(facts)) {
    const dt = document.createElement("dt"), dd = document.createElement("dd");
    dt.textContent = name;
    dd.textContent = value;
    byId("next").append(dt, dd);
  }
  take(chosen);
  const choose = (event) => { const point = event.points[0], one = point.customdata ? data.candidates.find((other) => other.label === point.customdata) : cell(families[point.y], rates[point.x]); if (one) take(one); };
  byId("surface").on("plotly_click", choose);
  byId("interval").on("plotly_click", choose);
  curves.dark.addEventListener("change", () => take(taken));
  document.body.dataset.ready = "1";
  window.plan = {data, take, get taken() { return taken; }};
})();
