// Results beside their forms: starts what a partial asks for, and ends it when it is replaced.
// Everything is looked up by data-widget; drawing lies in modules that load when first needed.
(() => {
  "use strict";

  const running = new Map(); // element -> function that ends its widget
  const widgets = {
    curve: (element) => load("./results_curve.js", element),
    scatter: (element) => load("./results_scatter.js", element),
    sheet: (element) => load("./results_sheet.js", element),
    matrix: startMatrix,
    cells: startCells,
    maps: startMaps,
  };

  async function load(name, element) {
    const module = await import(name);
    if (element.isConnected) running.set(element, module.start(element, tools));
  }

  function start(root) {
    const found = [...root.querySelectorAll("[data-widget]")];
    if (root.matches?.("[data-widget]")) found.unshift(root);
    for (const element of found) {
      if (running.has(element)) continue;
      running.set(element, () => {});
      const ending = widgets[element.dataset.widget]?.(element);
      if (typeof ending === "function") running.set(element, ending);
    }
  }

  function sweep() {
    for (const [element, end] of running) {
      if (element.isConnected) continue;
      running.delete(element);
      end();
    }
  }

  // --- what the modules share -----------------------------------------------------------------

  async function fetchJson(url) {
    const answer = await fetch(url, { headers: { Accept: "application/json" }, credentials: "same-origin" });
    const told = await answer.json().catch(() => ({}));
    if (!answer.ok) throw new Error(told.error || `The server answered ${answer.status}; is it still running?`);
    return told;
  }

  function colour(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  }

  function whenThemeChanges(redraw) {
    const dark = matchMedia("(prefers-color-scheme: dark)");
    dark.addEventListener("change", redraw);
    return () => dark.removeEventListener("change", redraw);
  }

  function make(tag, properties = {}, ...children) {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  }

  const tools = {
    fetchJson,
    colour,
    whenThemeChanges,
    make,
    number: (value) => value.toLocaleString("en"),
  };

  // --- the confusion matrix and the cells behind it -------------------------------------------

  function startMatrix(element) {
    element.addEventListener("change", (event) => {
      const shown = event.target.value;
      if (event.target.type !== "radio") return;
      for (const told of element.querySelectorAll(".r-matrix [data-count]")) told.textContent = told.dataset[shown];
    });
    element.addEventListener("click", (event) => {
      const button = event.target.closest("button[data-predicted]");
      if (button) showCells(element, button);
    });
  }

  async function showCells(element, button) {
    for (const other of element.querySelectorAll("[aria-pressed]")) other.removeAttribute("aria-pressed");
    button.setAttribute("aria-pressed", "true");
    const found = document.getElementById(element.dataset.found);
    const asked = new URLSearchParams({ predicted: button.dataset.predicted });
    if (button.dataset.true) asked.set("true", button.dataset.true);
    const channel = found.querySelector("[name=channel]")?.value;
    if (channel) asked.set("channel", channel);
    if (!found.firstChild) found.append(make("p", { className: "r-wait", textContent: "Looking for the cells …" }));
    await window.htmx.ajax("GET", `${element.dataset.cells}?${asked}`, { target: found, swap: "innerHTML" });
    found.querySelector("h5")?.focus({ preventScroll: true });
    found.scrollIntoView({ block: "nearest", behavior: "smooth" });
  }

  function startCells(element) {
    element.querySelector("[name=channel]")?.addEventListener("change", (event) => {
      for (const picture of element.querySelectorAll("img[data-picture]")) {
        picture.src = picture.dataset.picture.replace("CHANNEL", encodeURIComponent(event.target.value));
      }
    });
  }

  function startMaps(element) {
    element.addEventListener("change", (event) => {
      if (event.target.dataset.of !== "map") return;
      for (const figure of element.querySelectorAll("[data-map]")) figure.hidden = figure.dataset.map !== event.target.value;
    });
  }

  // --- montages from the tree -----------------------------------------------------------------

  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-sheet-folder]");
    if (!button) return;
    const viewer = button.closest("[data-results]")?.querySelector("[data-widget=sheet]");
    viewer?.dispatchEvent(new CustomEvent("folder", { detail: button.dataset.sheetFolder }));
    viewer?.scrollIntoView({ block: "nearest", behavior: "smooth" });
  });

  // --- a block at full width ------------------------------------------------------------------

  document.addEventListener("click", (event) => {
    const button = event.target.closest?.(".r-enlarge");
    if (!button) return;
    const open = button.closest("dialog.r-dialog");
    if (open) open.close();
    else enlarge(button.closest(".r-block"), button);
  });

  function enlarge(block, button) {
    const place = document.createComment("enlarged");
    const owner = block.closest("[data-results]");
    const shell = make("div", { className: "r" });
    const dialog = make("dialog", { className: "r-dialog" }, shell);
    dialog.setAttribute("aria-label", block.querySelector("h4")?.textContent || "Results");
    // The matrix listens on the whole of the results: what is pressed in the dialog goes there
    if (owner?.dataset.widget) shell.addEventListener("click", (event) => relay(event, owner));
    if (owner?.dataset.widget) shell.addEventListener("change", (event) => relayChange(event, shell));
    block.replaceWith(place);
    shell.append(block);
    document.body.append(dialog);
    const name = button.getAttribute("aria-label");
    button.textContent = "Close";
    button.setAttribute("aria-label", name.replace("Enlarge", "Close"));
    dialog.addEventListener("close", () => {
      button.textContent = "Enlarge";
      button.setAttribute("aria-label", name);
      place.replaceWith(block); // nothing happens where the results were replaced meanwhile
      dialog.remove();
      sweep();
      if (block.isConnected) button.focus({ preventScroll: true });
    });
    dialog.showModal();
  }

  function relay(event, owner) {
    const button = event.target.closest("button[data-predicted]");
    if (button) showCells(owner, button);
  }

  function relayChange(event, shell) {
    if (event.target.type !== "radio") return;
    for (const told of shell.querySelectorAll(".r-matrix [data-count]")) told.textContent = told.dataset[event.target.value];
  }

  // --- when --------------------------------------------------------------------------------------

  document.addEventListener("htmx:load", (event) => start(event.detail.elt));
  document.addEventListener("htmx:afterSwap", sweep);
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", () => start(document));
  else start(document);
})();
