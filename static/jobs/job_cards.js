/* The cards of the jobs: progress, learning curve, log and end, as the server reports them. */
"use strict";

(() => {
  const BASE = new URL("../..", document.currentScript.src);
  const WORKER = new URL("event_worker.js", document.currentScript.src);
  const EVERYTHING = new URL("events", BASE).href;
  const cards = () => [...document.querySelectorAll(".job[data-events]")];
  const lasting = new Set(["queued", "running"]);
  const heard = new Set();
  const AGAIN = 3000; // milliseconds until a connection that was not made is tried once more
  let port = null;
  let lost = false;

  // --- the connection -----------------------------------------------------------------------

  function begin() {
    if (window.SharedWorker) {
      const worker = new SharedWorker(WORKER, { name: "deepometry" });
      worker.onerror = () => beginAgain(worker);
      port = worker.port;
      port.onmessage = (event) => hear(event.data);
    } else {
      const back = { postMessage: hear };
      port = { postMessage: (message) => window.deepometryAttend(back, message) };
    }
    subscribe(EVERYTHING);
  }

  // The server ended before it gave the worker's program: nothing listens at the other end.
  function beginAgain(worker) {
    if (port !== worker.port) return;
    connection(true);
    port = null;
    heard.clear();
    setTimeout(() => (begin(), scan(document)), AGAIN);
  }

  function subscribe(url) {
    if (!port || heard.has(url)) return;
    heard.add(url);
    port.postMessage({ open: url, everything: EVERYTHING });
  }

  function unsubscribe(url) {
    if (heard.delete(url)) port.postMessage({ close: url });
  }

  function hear({ url, kind, data }) {
    if (kind === "lost" || kind === "open") connection(kind === "lost");
    else if (url === EVERYTHING) onAny(kind, data);
    else cards().filter((card) => eventsOf(card) === url).forEach((card) => on[kind](card, data));
  }

  function connection(broken) {
    if (broken === lost) return;
    lost = broken;
    deepometry.notice(
      broken
        ? "The connection to Deepometry was lost. Running jobs continue; trying to reconnect. " +
          "If Deepometry was closed, start it again."
        : "",
      broken
    );
    if (!broken) cards().filter((card) => lasting.has(card.dataset.state)).forEach(refresh);
    if (!broken) listChanged();
  }

  const eventsOf = (card) => new URL(card.dataset.events, location.href).href;

  // --- what is heard ------------------------------------------------------------------------

  const on = {
    progress(card, data) {
      const bar = card.querySelector("progress");
      if (!bar) return;
      if (data.total > 0) {
        bar.max = data.total;
        bar.value = Math.min(data.done, data.total);
        bar.textContent = `${Math.floor((100 * data.done) / data.total)} %`;
      } else {
        bar.removeAttribute("value");
      }
      const count = (number) => number.toLocaleString("en");
      set(card, ".count", data.total > 0 ? `${count(data.done)} of ${count(data.total)} ${data.unit ?? ""}`.trim() : "");
      set(card, ".left", data.left ? `${data.left} left${card.dataset.early}` : "");
      set(card, ".text", data.text);
    },
    metrics(card, data) {
      const figure = card.querySelector(".curve");
      if (figure) addMetrics(figure, data);
    },
    log(card) {
      const log = card.querySelector("details.log");
      if (log?.open) soon(`log-${card.id}`, () => loadLog(log));
    },
    state(card, data) {
      if (card.dataset.state === "queued" && data.state === "running") refresh(card);
    },
    end(card) {
      unsubscribe(eventsOf(card));
      if (lasting.has(card.dataset.state)) refresh(card);
    },
  };

  function onAny(kind, data) {
    if (kind === "state" || kind === "end") listChanged();
    const id = data.job ?? data.id;
    const card = cards().find((each) => each.dataset.id === id);
    if (kind === "end") cards().filter((each) => each.dataset.state === "queued").forEach(refresh);
    if (card && kind === "end") on.end(card);
    if (kind === "end") document.dispatchEvent(new CustomEvent("deepometry:any-ended", { detail: id }));
  }

  function listChanged() {
    soon("list", () => {
      if (isArmed()) listChanged();
      else htmx.trigger(document.body, "jobs-changed");
    });
  }

  // A button of the list that waits for its second click must not be taken from under the mouse.
  const isArmed = () => document.querySelector("#past .sure") !== null;

  document.addEventListener("htmx:beforeSwap", (event) => {
    const { target, requestConfig } = event.detail;
    if (target.id !== "past" || requestConfig.verb !== "get" || !isArmed()) return;
    event.detail.shouldSwap = false;
    listChanged();
  });

  const waiting = new Map();
  function soon(name, act) {
    if (waiting.has(name)) return;
    waiting.set(name, setTimeout(() => (waiting.delete(name), act()), 500));
  }

  function set(card, selector, text) {
    const place = card.querySelector(selector);
    if (place && place.textContent !== text) place.textContent = text;
  }

  const renewing = new Map(); // by the id of a card that is being fetched: whether to fetch it again

  /** Fetch a card anew; its end is told twice, by the job's own events and among those of all. */
  async function refresh(card) {
    if (renewing.has(card.id)) return renewing.set(card.id, true);
    const before = card.dataset.state;
    renewing.set(card.id, false);
    // each card asks for itself: htmx drops what one element asks for while it waits for another answer
    await htmx.ajax("GET", card.dataset.card, { source: card, target: card, swap: "outerHTML" }).catch(() => {});
    const [again, now] = [renewing.get(card.id), document.getElementById(card.id)];
    renewing.delete(card.id);
    if (!now) return;
    if (!lasting.has(now.dataset.state)) return now.dataset.state === before || tellEnd(now);
    if (again) refresh(now);
  }

  function tellEnd(card) {
    document.dispatchEvent(new CustomEvent("deepometry:job-ended", { detail: card }));
    const example = card.dataset.verb === "example";
    deepometry.offer(JSON.parse(card.dataset.offers), example);
    if (card.dataset.state !== "done") return;
    const [title] = card.getAttribute("aria-label").split(",");
    deepometry.notice(
      example
        ? "The example cells are ready and the forms are filled in: press Parse, then Train, " +
          "Predict and Extract, each when the previous one is done."
        : `${title} ${title.endsWith("maps") ? "are" : "is"} done.`
    );
  }

  async function loadLog(log) {
    const answer = await fetch(log.getAttribute("hx-get"));
    if (!answer.ok) return;
    const place = log.querySelector("[data-log]");
    place.textContent = await answer.text();
    place.scrollTop = place.scrollHeight;
  }

  // --- the learning curve -------------------------------------------------------------------

  const charts = new WeakMap();

  function addMetrics(figure, row) {
    const rows = JSON.parse(figure.dataset.metrics).filter((each) => each.epoch !== row.epoch && each.fold === row.fold);
    rows.push(row);
    rows.sort((one, other) => one.epoch - other.epoch);
    figure.dataset.metrics = JSON.stringify(rows);
    draw(figure);
  }

  function draw(figure) {
    const all = JSON.parse(figure.dataset.metrics);
    const rows = all.filter((each) => each.fold === all.at(-1).fold); // of the training that goes on
    figure.hidden = rows.length === 0;
    if (figure.hidden || !window.Chart) return;
    plot(figure.querySelector(".loss"), "Loss", rows, "loss");
    const measure = "mae" in rows[0] ? "mae" : "accuracy";
    const title = measure === "mae" ? "Mean absolute error" : "Accuracy";
    plot(figure.querySelector(".accuracy"), title, rows, measure);
    const last = rows[rows.length - 1];
    const words = (name) => name.replace("val_", "validation ").replace("mae", "mean absolute error");
    const score = (name) => `${words(name)} ${last[name]?.toFixed(3)}`;
    const names = ["loss", "val_loss", measure, `val_${measure}`];
    figure.querySelector("figcaption").textContent = `Epoch ${last.epoch}: ${names.map(score).join(", ")}.`;
  }

  function plot(canvas, title, rows, name) {
    const chart = charts.get(canvas) ?? make(canvas, title);
    const points = (key) => rows.map((row) => ({ x: row.epoch, y: row[key] }));
    chart.data.datasets[0].data = points(name);
    chart.data.datasets[1].data = points(`val_${name}`);
    for (const set of chart.data.datasets) set.pointRadius = rows.length > 40 ? 0 : 2;
    chart.update("none");
  }

  function make(canvas, title) {
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(name).trim();
    const line = (label, shade, dash) => ({
      label, data: [], borderColor: shade, backgroundColor: shade, borderDash: dash, borderWidth: 2, tension: 0.2,
    });
    const axis = { ticks: { color: colour("--muted"), maxTicksLimit: 6 }, grid: { color: colour("--line") } };
    const chart = new Chart(canvas, {
      type: "line",
      data: { datasets: [line("Training", colour("--accent"), []), line("Validation", colour("--warn"), [5, 4])] },
      options: {
        animation: false, responsive: true, maintainAspectRatio: false, parsing: false,
        interaction: { mode: "index", intersect: false },
        scales: {
          x: { ...axis, type: "linear", ticks: { ...axis.ticks, precision: 0 } },
          y: { ...axis, beginAtZero: title === "Loss" },
        },
        plugins: {
          title: { display: true, text: title, color: colour("--text"), align: "start", padding: { bottom: 2 } },
          legend: { align: "end", labels: { color: colour("--text"), boxHeight: 1, boxWidth: 22 } },
        },
      },
    });
    charts.set(canvas, chart);
    return chart;
  }

  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    for (const canvas of document.querySelectorAll(".curve canvas")) {
      charts.get(canvas)?.destroy();
      charts.delete(canvas);
    }
    document.querySelectorAll(".curve").forEach(draw);
  });

  // --- the page's coming and going ------------------------------------------------------------

  function scan(root) {
    const found = root.matches?.(".job[data-events]") ? [root] : root.querySelectorAll(".job[data-events]");
    for (const card of found) if (lasting.has(card.dataset.state)) subscribe(eventsOf(card));
    const curves = root.querySelectorAll?.(".curve") ?? [];
    curves.forEach(draw);
    if (root !== document && found.length) listChanged();
  }

  document.addEventListener("htmx:load", (event) => {
    if (event.detail.elt !== document.body) scan(event.detail.elt);
  });
  document.addEventListener("htmx:beforeCleanupElement", (event) => {
    const canvas = event.detail.elt;
    if (charts.has(canvas)) charts.get(canvas).destroy();
  });
  addEventListener("pagehide", () => [...heard].forEach(unsubscribe));
  addEventListener("pageshow", (event) => {
    if (event.persisted) subscribeAll();
  });

  function subscribeAll() {
    subscribe(EVERYTHING);
    scan(document);
  }

  document.addEventListener("DOMContentLoaded", () => {
    begin();
    scan(document);
  });
})();
