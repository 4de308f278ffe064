// Charts of the results: drawn from numbers, in the colours of the theme, with a table and buttons.

const DASHES = [[], [6, 3], [2, 2], [8, 3, 2, 3]];
const ROW = 26; // pixels of a category of bars that lie
const MOST_POINTS = 40; // of a line whose points are marked
const PLACES = 4; // significant digits in the table

const isDark = () => matchMedia("(prefers-color-scheme: dark)").matches;

/** Intervals, a line where both axes are equal, and a mark: drawn around the data. */
const EXTRAS = {
  id: "extras",
  beforeDatasetsDraw(chart, _args, { spec, ink }) {
    if (spec.square) stroke(chart, ink.muted, [2, 3], () => [at(chart, 0, 0), at(chart, 1, 1)]);
    if (spec.mark !== null) {
      const x = chart.scales.x.getPixelForValue(spec.mark);
      stroke(chart, ink.good, [4, 4], () => [[x, chart.chartArea.top], [x, chart.chartArea.bottom]]);
    }
  },
  afterDatasetsDraw(chart, _args, { spec }) {
    spec.series.forEach((each, number) => {
      const meta = chart.getDatasetMeta(number);
      if (!each.low.length || !chart.isDatasetVisible(number)) return;
      if (each.low.length > MOST_POINTS) return band(chart, each, chart.data.datasets[number].whisker);
      meta.data.forEach((point, n) => {
        if (each.low[n] === null || each.high[n] === null) return;
        const values = chart.scales[spec.sideways ? "x" : "y"];
        const ends = [each.low[n], each.high[n]].map((value) => values.getPixelForValue(value));
        const place = (value) => (spec.sideways ? [value, point.y] : [point.x, value]);
        stroke(chart, chart.data.datasets[number].whisker, [], () => ends.map(place));
      });
    });
  },
};

const at = (chart, x, y) => [chart.scales.x.getPixelForValue(x), chart.scales.y.getPixelForValue(y)];

function stroke(chart, colour, dash, points) {
  const { ctx, chartArea: area } = chart;
  ctx.save();
  ctx.beginPath();
  ctx.rect(area.left, area.top, area.width, area.height);
  ctx.clip();
  ctx.strokeStyle = colour;
  ctx.lineWidth = 1.3;
  ctx.setLineDash(dash);
  ctx.beginPath();
  const [from, to] = points();
  ctx.moveTo(...from);
  ctx.lineTo(...to);
  ctx.stroke();
  ctx.restore();
}

/** An interval of so many points that they are drawn as one shape. */
function band(chart, each, colour) {
  const { ctx } = chart;
  ctx.save();
  ctx.globalAlpha = 0.18;
  ctx.fillStyle = colour;
  ctx.beginPath();
  each.x.forEach((x, n) => ctx.lineTo(...at(chart, x, each.low[n])));
  [...each.x].reverse().forEach((x, n) => ctx.lineTo(...at(chart, x, each.high[each.x.length - 1 - n])));
  ctx.fill();
  ctx.restore();
}

function datasetOf(spec, each, ink, few) {
  const groups = spec.palette[isDark() ? "dark" : "light"].groups;
  const colour = groups[each.colour % groups.length];
  const bars = spec.categories.length > 0;
  return {
    label: each.label,
    data: bars ? each.y : each.y.map((y, n) => ({ x: each.x[n], y })),
    borderColor: colour,
    backgroundColor: colour,
    borderWidth: bars ? 0 : 2,
    borderDash: each.dashed ? [6, 3] : DASHES[Math.floor(each.colour / groups.length) % DASHES.length],
    showLine: !each.points,
    pointRadius: each.points ? 4 : few ? 2.5 : 0,
    pointHitRadius: 8,
    maxBarThickness: 26,
    whisker: bars ? ink.text : colour,
  };
}

function optionsOf(spec, ink) {
  const bars = spec.categories.length > 0;
  const axis = (title, more) => ({
    title: { display: title !== "", text: title, color: ink.muted },
    ticks: { color: ink.muted, ...more.ticks },
    grid: { color: ink.line },
    ...more.scale,
  });
  const ends = spec.series.flatMap((each) => [...each.low, ...each.high]).filter((value) => value !== null);
  const room = ends.length ? { suggestedMin: Math.min(...ends), suggestedMax: Math.max(...ends) } : {};
  const shares = spec.shares ? { min: 0, max: 1 } : { beginAtZero: bars, ...room };
  const numbers = axis(spec.y, { scale: { ...shares, stacked: spec.stacked }, ticks: { maxTicksLimit: 8 } });
  const names = axis(spec.sideways ? "" : spec.x, {
    scale: bars ? { stacked: spec.stacked, grid: { display: false } } : { type: spec.log ? "logarithmic" : "linear", ...(spec.square ? { min: 0, max: 1 } : {}) },
    ticks: bars ? { autoSkip: true, color: ink.text } : { maxTicksLimit: 10 },
  });
  const wide = spec.series.length > 1;
  return {
    responsive: true,
    maintainAspectRatio: false,
    animation: false,
    indexAxis: spec.sideways ? "y" : "x",
    interaction: bars ? { mode: "index", axis: spec.sideways ? "y" : "x", intersect: false } : { mode: "nearest", intersect: false },
    scales: spec.sideways ? { x: numbers, y: names } : { x: names, y: numbers },
    plugins: {
      legend: { display: wide, position: "bottom", labels: { color: ink.text, boxWidth: 18, boxHeight: bars ? 10 : 1 } },
      extras: { spec, ink },
    },
  };
}

export function start(element, tools) {
  const canvas = element.querySelector("canvas");
  const place = canvas.parentElement;
  const note = element.querySelector("[data-of=note]");
  const source = element.dataset.chart;
  let chart = null;
  let spec = null;

  const draw = () => {
    chart?.destroy();
    const ink = Object.fromEntries(["text", "muted", "line", "good"].map((name) => [name, tools.colour(`--${name}`)]));
    if (spec.sideways) place.style.height = `${90 + spec.categories.length * Math.max(ROW, spec.stacked ? 0 : 14 * spec.series.length)}px`;
    const few = spec.series.every((each) => each.y.length < MOST_POINTS);
    chart = new window.Chart(canvas, {
      type: spec.categories.length ? "bar" : "scatter",
      data: { labels: spec.categories, datasets: spec.series.map((each) => datasetOf(spec, each, ink, few)) },
      options: optionsOf(spec, ink),
      plugins: [EXTRAS],
    });
    element.dataset.drawn = "yes";
  };

  const details = element.querySelector("details");
  const fill = () => {
    const shown = details.querySelector("[data-of=table]");
    if (spec && details.open && !shown.firstChild) shown.append(tableOf(spec, tools.make));
  };

  const forget = tools.whenThemeChanges(() => spec && draw());
  tools
    .fetchJson(`${source}.json`)
    .then((found) => {
      spec = found;
      if (!element.isConnected) return;
      draw();
      note.textContent = spec.about;
      fill(); // it was opened before its numbers had come
    })
    .catch((error) => (note.textContent = error.message));

  details.addEventListener("toggle", fill);
  element.querySelector("[data-do=png]").addEventListener("click", () => chart && save(canvas, tools, source.split("/").at(-1)));

  return () => {
    forget();
    chart?.destroy();
  };
}

/** The numbers of a chart: a row a category, or a row a point. */
function tableOf(spec, make) {
  const between = spec.series.some((each) => each.low.length);
  const show = (value) => (value === null ? "" : typeof value === "number" ? String(Number(value.toPrecision(PLACES))) : value);
  const cell = (value) => make("td", { textContent: show(value), className: typeof value === "number" ? "r-num" : "" });
  const head = (text) => make("th", { scope: "col", textContent: text });
  const rows = spec.series.flatMap((each) =>
    each.y.map((value, n) => {
      const first = make("th", { scope: "row", textContent: each.label });
      const ends = between ? [each.low[n] ?? null, each.high[n] ?? null] : [];
      return make("tr", {}, first, ...[spec.categories[n] ?? each.x[n], value, ...ends].map(cell));
    })
  );
  const titles = ["Series", spec.x || "Name", spec.y || "Value", ...(between ? ["95 % from", "to"] : [])];
  const table = make("table", { className: "r-table" }, make("caption", { className: "sr", textContent: spec.title }));
  table.append(make("thead", {}, make("tr", {}, ...titles.map(head))), make("tbody", {}, ...rows));
  return table;
}

function save(canvas, tools, name) {
  const picture = document.createElement("canvas");
  picture.width = canvas.width;
  picture.height = canvas.height;
  const pen = picture.getContext("2d");
  pen.fillStyle = tools.colour("--panel");
  pen.fillRect(0, 0, picture.width, picture.height);
  pen.drawImage(canvas, 0, 0);
  picture.toBlob((blob) => {
    const link = tools.make("a", { href: URL.createObjectURL(blob), download: `${name}.png` });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  });
}
