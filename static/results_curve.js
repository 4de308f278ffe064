// The learning curve: loss and accuracy of training and validation, the epoch kept marked.

const BEST = {
  id: "best",
  afterDatasetsDraw(chart, _args, options) {
    const x = chart.scales.x.getPixelForValue(options.epoch);
    const { ctx, chartArea: area } = chart;
    if (!(x >= area.left && x <= area.right)) return;
    ctx.save();
    ctx.strokeStyle = options.colour;
    ctx.setLineDash([4, 4]);
    ctx.beginPath();
    ctx.moveTo(x, area.top);
    ctx.lineTo(x, area.bottom);
    ctx.stroke();
    ctx.restore();
  },
};

function reason(curve) {
  if (curve.lowest) return ": its validation loss is the lowest";
  return curve.best === curve.last ? ": the last one, where the learning rate has come to rest" : "";
}

export function start(element, tools) {
  let charts = [];
  let told = null;
  const note = element.querySelector("[data-of=told]");

  const draw = () => {
    charts.forEach((chart) => chart.destroy());
    charts = ["loss", "accuracy"].map((name) => plot(element, tools, told, name));
  };

  const forget = tools.whenThemeChanges(() => told && draw());
  tools
    .fetchJson(element.dataset.curve)
    .then((curve) => {
      told = curve;
      if (element.isConnected) draw();
      note.textContent = `The dashed line is epoch ${curve.best}, which was kept${reason(curve)}.`;
    })
    .catch((error) => (note.textContent = error.message));

  return () => {
    forget();
    charts.forEach((chart) => chart.destroy());
  };
}

function plot(element, tools, curve, name) {
  const line = (column, label, colour, dash) => ({
    label,
    data: curve.epoch.map((epoch, n) => ({ x: epoch, y: curve[column][n] })),
    borderColor: tools.colour(colour),
    backgroundColor: tools.colour(colour),
    borderDash: dash,
    borderWidth: 2,
    pointRadius: curve.epoch.length < 40 ? 2.5 : 0,
    pointHitRadius: 8,
  });
  const text = tools.colour("--muted");
  const axis = (title, more) => ({
    title: { display: true, text: title, color: text },
    ticks: { color: text, precision: 0, ...more.ticks },
    grid: { color: tools.colour("--line") },
    ...more.scale,
  });
  const shares = name === "accuracy" ? { min: 0, max: 1 } : { beginAtZero: true };
  return new window.Chart(element.querySelector(`canvas[data-of=${name}]`), {
    type: "line",
    data: { datasets: [line(name, "training", "--accent", []), line(`val_${name}`, "validation", "--warn", [6, 3])] },
    options: {
      responsive: true,
      maintainAspectRatio: false,
      animation: false,
      interaction: { mode: "index", intersect: false },
      scales: {
        x: axis("Epoch", { scale: { type: "linear", min: curve.epoch[0], max: Math.max(curve.epoch.at(-1), curve.epoch[0] + 1) }, ticks: {} }),
        y: axis(name === "loss" ? "Loss" : "Accuracy", { scale: shares, ticks: { precision: undefined, maxTicksLimit: 6 } }),
      },
      plugins: {
        legend: { labels: { color: tools.colour("--text"), boxWidth: 24, boxHeight: 1 } },
        best: { epoch: curve.best, colour: tools.colour("--good") },
        tooltip: { callbacks: { title: (items) => `Epoch ${items[0].parsed.x}${items[0].parsed.x === curve.best ? " (kept)" : ""}` } },
      },
    },
    plugins: [BEST],
  });
}
