// Logs: losses and learning rates of every run.
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent), {axis, layout, CONFIG} = curves;
  curves.chart(document.getElementById("curves"), data.runs.map((run) => ({...run, group: run.name})), {tokensPerUpdate: data.tokens_per_update, unit: "Loss"});
  const draw = () => Plotly.react("rates", data.runs.filter((run) => run.lr.length).map((run) => ({type: "scatter", mode: "lines", x: run.lr_steps, y: run.lr, name: run.name,
    hovertemplate: "%{y:.4g} at %{x}<extra></extra>"})), layout({xaxis: axis("Update", {exponentformat: "SI"}), yaxis: axis("Learning rate", {rangemode: "tozero"})}), CONFIG);
  draw();
  curves.dark.addEventListener("change", draw);
  document.body.dataset.ready = "1";
})();
