// Handles on a histogram: thresholds, or the two ends of a range. They are set, moved and removed with
// the pointer or keys, and the field that has their values is written as if the user typed.
"use strict";

window.deepometryHistogram = (() => {
  const NEAR = { mouse: 8, touch: 22 }; // pixels at which a handle is meant
  const STEPS = { ArrowRight: 0.5, ArrowUp: 0.5, ArrowLeft: -0.5, ArrowDown: -0.5, PageUp: 5, PageDown: -5, Home: -100, End: 100 };
  const FINE = 0.1; // percent of the axis to which values are rounded
  const kinds = {}; // by `data-kind`: see `register`
  let held = null; // the handle that is dragged

  /**
   * A kind of handles: `read(element)` returns their values, `write(element, values)` takes new ones,
   * `name(slot)` names one. With `ends`, there are always two, and null is an end without a limit.
   */
  function register(kind, how) {
    kinds[kind] = how;
    drawAll();
  }

  const kindOf = (element) => kinds[element.dataset.kind];
  const within = (place) => Math.min(100, Math.max(0, place));

  // --- the axis: linear, or the inverse hyperbolic sine where values spread over decades ----------

  const axis = ({ dataset }) => ["low", "high", "scale"].map((name) => Number(dataset[name]));

  function placeOf(element, value, slot) {
    if (value === null) return slot ? 100 : 0;
    const [low, high, scale] = axis(element);
    return within((100 * ((scale ? Math.asinh(value / scale) : value) - low)) / (high - low));
  }

  function exact(element, place) {
    const [low, high, scale] = axis(element);
    const at = low + (place / 100) * (high - low);
    return scale ? Math.sinh(at) * scale : at;
  }

  function valueAt(element, place) {
    const fine = 10 ** Math.floor(Math.log10(exact(element, place + FINE) - exact(element, place)));
    return Number((Math.round(exact(element, place) / fine) * fine).toPrecision(12));
  }

  const shareOf = (element, event) => {
    const box = element.getBoundingClientRect();
    return within((100 * (event.clientX - box.left)) / box.width);
  };

  // --- changes ------------------------------------------------------------------------------------

  /** Put a handle at a place, or remove it (null); `values` are those before. Returns its value. */
  function put(element, values, slot, place) {
    const { ends, write } = kindOf(element);
    const open = place === null || (ends && (slot ? place >= 100 : place <= 0));
    const value = open ? null : valueAt(element, place);
    if (!ends) {
      const others = values.filter((_, n) => n !== slot);
      const all = value === null ? others : [...others, value];
      write(element, [...new Set(all)].sort((a, b) => a - b));
      return value;
    }
    const other = values[1 - slot];
    const kept = value === null || other === null ? value : slot ? Math.max(value, other) : Math.min(value, other);
    write(element, slot ? [other, kept] : [kept, other]);
    return kept;
  }

  document.addEventListener("pointerdown", (event) => {
    const element = event.target.closest?.(".histogram-plot");
    if (!element || event.button !== 0 || !kindOf(element)) return;
    event.preventDefault();
    const values = kindOf(element).read(element);
    const here = shareOf(element, event);
    const away = values.map((value, slot) => Math.abs(placeOf(element, value, slot) - here));
    const nearest = away.indexOf(Math.min(...away));
    const near = nearest >= 0 && (away[nearest] * element.clientWidth) / 100 <= (NEAR[event.pointerType] ?? NEAR.mouse);
    const slot = near || kindOf(element).ends ? nearest : values.length;
    held = { element, values, slot, near, moved: false, from: event.clientX };
    element.setPointerCapture(event.pointerId);
    if (near) handles(element)[slot].focus({ preventScroll: true });
  });

  document.addEventListener("pointermove", (event) => {
    if (!held || Math.abs(event.clientX - held.from) < 2) return;
    held.moved = true;
    put(held.element, held.values, held.slot, shareOf(held.element, event));
  });

  document.addEventListener("pointerup", (event) => {
    if (!held) return;
    const { element, values, slot, near, moved } = held;
    held = null;
    put(element, values, slot, near && !moved ? null : shareOf(element, event));
  });

  document.addEventListener("pointercancel", () => {
    held = null;
  });

  document.addEventListener("keydown", (event) => {
    const handle = event.target.closest?.(".histogram-plot .handle");
    const gone = event.key === "Delete" || event.key === "Backspace";
    if (!handle || !(gone || event.key in STEPS)) return;
    event.preventDefault();
    const element = handle.closest(".histogram-plot");
    const values = kindOf(element).read(element);
    const slot = handles(element).indexOf(handle);
    const next = gone ? null : within(placeOf(element, values[slot], slot) + STEPS[event.key]);
    const value = put(element, values, slot, next);
    const now = kindOf(element).ends ? slot : kindOf(element).read(element).indexOf(value);
    (handles(element)[now] ?? handles(element)[0])?.focus();
  });

  // --- drawing ------------------------------------------------------------------------------------

  const handles = (element) => [...element.querySelectorAll(".handle")];

  function draw(element) {
    const kind = kindOf(element);
    if (!kind) return;
    const values = kind.read(element);
    handles(element).slice(values.length).forEach((each) => each.remove());
    values.forEach((value, slot) => drawHandle(element, kind, value, slot));
    if (kind.ends) shade(element, values);
  }

  function drawHandle(element, kind, value, slot) {
    const handle = handles(element)[slot] ?? element.appendChild(newHandle());
    const place = placeOf(element, value, slot);
    handle.style.setProperty("left", `${place}%`); // set by script, which the policy allows
    handle.classList.toggle("is-open", value === null);
    const now = value ?? exact(element, place);
    const about = { label: kind.name(slot), valuemin: exact(element, 0), valuemax: exact(element, 100), valuenow: now, valuetext: value === null ? "no limit" : String(value) };
    for (const [name, text] of Object.entries(about)) handle.setAttribute(`aria-${name}`, text);
  }

  function newHandle() {
    const handle = document.createElement("span");
    handle.className = "handle";
    handle.tabIndex = 0;
    handle.setAttribute("role", "slider");
    return handle;
  }

  /** Darken what lies outside of a range. */
  function shade(element, [low, high]) {
    const svg = element.querySelector("svg");
    const [from, to] = [placeOf(element, low, 0), placeOf(element, high, 1)];
    for (const [side, x, width] of [["low", 0, from], ["high", to, 100 - to]]) {
      const rect = svg.querySelector(`.out-${side}`) ?? svg.appendChild(document.createElementNS(svg.namespaceURI, "rect"));
      const about = { class: `out out-${side}`, x, y: 0, width, height: 40 };
      for (const [name, at] of Object.entries(about)) rect.setAttribute(name, at);
    }
  }

  const drawAll = () => document.querySelectorAll(".histogram-plot").forEach(draw);
  for (const kind of ["input", "htmx:afterSettle", "deepometry:settled"]) document.addEventListener(kind, drawAll);

  return { register };
})();
