// Cells as points on their principal components: coloured by group, to zoom, move, and look at.
import { Plane } from "./results_plane.js";

// Okabe and Ito's colours, told apart with colour-blindness; neighbours differ in shape, too.
const LIGHT = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#4d4d4d", "#7f3c8d"];
const DARK = ["#56b4e9", "#e69f00", "#1fc99a", "#e08fc0", "#f0e442", "#7aa7ff", "#c8c8c8", "#b79af0"];
const SHAPES = ["circle", "square", "triangle", "diamond"];

export function start(element, tools) {
  const of = (name) => element.querySelector(`[data-of=${name}]`);
  const wait = element.querySelector(".r-wait");
  const legend = element.querySelector(".r-legend");
  const picture = element.querySelector(".r-cell img");
  const endings = [];
  let data = null;
  let plane = null;
  let hidden = new Set();
  let shown = -1;
  let timer = 0;

  tools
    .fetchJson(element.dataset.points)
    .then((found) => element.isConnected && open(found))
    .catch((error) => (wait.textContent = error.message));

  function open(found) {
    data = found;
    wait.hidden = true;
    element.querySelector(".r-body").hidden = false;
    plane = new Plane(element.querySelector("canvas"), { colour: tools.colour, onPoint: look });
    endings.push(tools.whenThemeChanges(colourise), () => plane.end());
    fillChoices();
    regroup();
    tellAbout();
  }

  function fillChoices() {
    const options = (items) => items.map(([value, text]) => tools.make("option", { value, textContent: text }));
    const axes = data.explained.map((share, n) => [n, `PC${n + 1} (${(100 * share).toFixed(1)} %)`]);
    of("x").replaceChildren(...options(axes));
    of("y").replaceChildren(...options(axes));
    of("y").selectedIndex = Math.min(1, axes.length - 1);
    const names = Object.keys(data.groups);
    of("group").replaceChildren(...options(names.map((name) => [name, name])));
    of("group").value = firstGroup(names);
    const all = data.channels.length > 1 ? [["all", "all channels, coloured"]] : [];
    of("channel").replaceChildren(...options([...all, ...data.channels.map((each) => [each.key, each.name])]));
    of("channel").value = data.shown;
    of("pictured").hidden = Boolean(data.missing);
    for (const name of ["x", "y"]) of(name).addEventListener("change", () => replace(true));
    of("group").addEventListener("change", regroup);
    of("channel").addEventListener("change", () => shown >= 0 && look(shown, true));
  }

  // What the model predicted says most; it is the last column
  const firstGroup = (names) => names.findLast((name) => name.startsWith("predicted ")) || names[0] || "";

  function regroup() {
    hidden = new Set();
    fillLegend();
    replace(false);
    fillSummary();
  }

  function replace(anew) {
    const x = data.places[of("x").value];
    const y = data.places[of("y").value];
    const labels = [of("x").selectedOptions[0].text, of("y").selectedOptions[0].text];
    plane.setPoints(x, y, labels, anew);
    colourise();
    if (anew) fillSummary();
  }

  function colourise() {
    const colours = palette();
    const marks = groups().map((_, n) => ({ colour: colours[n % 8], shape: SHAPES[(n + Math.floor(n / 8)) % 4] }));
    plane.setGroups(codes(), marks, hidden);
    legend.querySelectorAll("canvas").forEach((canvas, n) => plane.drawMark(canvas, marks[n]));
  }

  const palette = () => (matchMedia("(prefers-color-scheme: dark)").matches ? DARK : LIGHT);
  const groups = () => data.groups[of("group").value] || [{ label: "cells", cells: data.cells }];
  const codes = () => data.codes[of("group").value] || data.rows.map(() => 0);

  function fillLegend() {
    legend.replaceChildren(
      ...groups().map((group, n) => {
        const mark = tools.make("canvas", { width: 28, height: 28 });
        const button = tools.make("button", { type: "button", className: "r-group" }, mark);
        button.append(tools.make("span", { className: "r-name", textContent: group.label }));
        button.append(tools.make("span", { className: "r-count", textContent: tools.number(group.cells) }));
        button.setAttribute("aria-pressed", "true");
        button.setAttribute("aria-description", "Shows or hides the cells of this group.");
        button.addEventListener("click", () => toggle(button, n));
        return tools.make("li", {}, button);
      }),
    );
  }

  function toggle(button, n) {
    if (!hidden.delete(n)) hidden.add(n);
    button.setAttribute("aria-pressed", String(!hidden.has(n)));
    colourise();
  }

  // --- a cell ---

  function look(index, again = false) {
    if (index === shown && !again) return;
    shown = index;
    clearTimeout(timer);
    if (index >= 0) timer = setTimeout(() => tell(index), again ? 0 : 40);
  }

  async function tell(index) {
    const row = data.rows[index];
    if (!data.missing) {
      const path = element.dataset.picture.replace("/cell/0/", `/cell/${row}/`).replace("CHANNEL", of("channel").value);
      picture.src = `${path}?v=${data.stamp}`;
      picture.hidden = false;
    }
    try {
      const found = await tools.fetchJson(element.dataset.cell.replace("/cell/0.json", `/cell/${row}.json`));
      if (index === shown) describe(found);
    } catch (error) {
      of("told").replaceChildren(tools.make("p", { className: "r-note", textContent: error.message }));
    }
  }

  function describe({ source, object, ...levels }) {
    const told = tools.make("dl", {});
    for (const [name, value] of Object.entries(levels)) {
      told.append(tools.make("div", {}, tools.make("dt", { textContent: name }), tools.make("dd", { textContent: value || "–" })));
    }
    const title = tools.make("p", { className: "r-file", title: source, textContent: source });
    of("told").replaceChildren(title, tools.make("p", { textContent: `object ${object}` }), told);
    picture.alt = `Object ${object} of ${source}`;
  }

  // --- words ---

  function tellAbout() {
    const drawn = data.sampled ? `A random sample of ${tools.number(data.rows.length)} of ${tools.number(data.cells)} cells is drawn; the numbers beside the groups count all cells.` : `All ${tools.number(data.cells)} cells are drawn.`;
    const kept = data.explained.slice(0, 2).reduce((sum, share) => sum + share, 0);
    const missing = data.missing ? ` No pictures: ${data.missing}` : "";
    of("about").textContent = `${drawn} Features are standardised; the first two principal components hold ${(100 * kept).toFixed(0)} % of their variance.${missing}`;
  }

  function fillSummary() {
    const [x, y] = [of("x"), of("y")];
    const head = ["Group", "Cells", `Mean PC${+x.value + 1}`, `Mean PC${+y.value + 1}`];
    const cell = (tag, text, n) => (n && tag === "td" ? tools.make("td", { textContent: text, className: "r-num" }) : tools.make("th", { textContent: text, scope: tag === "th" ? "col" : "row", className: n ? "r-num" : "" }));
    const row = (tag, texts) => tools.make("tr", {}, ...texts.map((text, n) => cell(tag, text, n)));
    const means = meanPlaces(data.places[x.value], data.places[y.value]);
    const body = groups().map((group, n) => row("td", [group.label, tools.number(group.cells), ...means(n)]));
    of("summary").replaceChildren(tools.make("thead", {}, row("th", head)), tools.make("tbody", {}, ...body));
  }

  function meanPlaces(x, y) {
    const sums = groups().map(() => [0, 0, 0]);
    codes().forEach((code, n) => {
      sums[code][0] += 1;
      sums[code][1] += x[n];
      sums[code][2] += y[n];
    });
    return (n) => [1, 2].map((place) => (sums[n][0] ? (sums[n][place] / sums[n][0]).toFixed(2) : "–"));
  }

  element.addEventListener("click", (event) => plane?.act(event.target.closest("[data-do]")?.dataset.do));

  return () => {
    clearTimeout(timer);
    endings.forEach((end) => end());
  };
}
