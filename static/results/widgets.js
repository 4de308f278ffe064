// Pages of results: starts what a part of a page asks for, and ends it when it is replaced.
// Everything is looked up by data-widget; drawing lies in modules that load when first needed.
(() => {
  "use strict";

  const running = new Map(); // element -> function that ends its widget
  const widgets = {
    gallery: (element) => load("../cells/gallery.js", element),
    chart: (element) => load("./charts.js", element),
    sheet: (element) => load("./montage_viewer.js", element),
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
    const content = await answer.json().catch(() => ({}));
    if (!answer.ok) throw new Error(content.error || `Deepometry could not answer (error ${answer.status}); reload the page.`);
    return content;
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

  // --- maps ------------------------------------------------------------------------

  function startMaps(element) {
    const choice = element.querySelector("[data-of=map]");
    if (!choice) return;
    const show = () => {
      for (const figure of element.querySelectorAll("[data-map]")) figure.hidden = figure.dataset.map !== choice.value;
    };
    choice.addEventListener("change", show);
    show(); // it may have been chosen before this was loaded, or be one that the browser has restored
  }

  // --- when --------------------------------------------------------------------------------------

  document.addEventListener("htmx:load", (event) => start(event.detail.elt));
  document.addEventListener("htmx:afterSwap", sweep);
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", () => start(document));
  else start(document);
})();
