// The histogram of a stain: thresholds are set, moved and removed with the pointer; the field has them.
"use strict";

(() => {
  const FORM = "form-stain";
  const NEAR = 6; // pixels at which a threshold is meant
  const input = () => document.querySelector(`#${FORM} [name="thresholds"]`);
  const read = () => (input()?.value ?? "").split(/[,;\s]+/).filter(Boolean).map(Number).filter(Number.isFinite);
  let held = null; // the threshold that is dragged: its number among them, and whether it was moved

  function write(values) {
    const rising = [...new Set(values.map((value) => Number(value.toPrecision(4))))].sort((a, b) => a - b);
    window.deepometry.setField(FORM, "thresholds", rising.join(", "));
    draw();
  }

  // The axis is linear, or the inverse hyperbolic sine where intensities spread over decades
  const axis = (svg) => ["low", "high", "scale"].map((name) => Number(svg.dataset[name]));

  function placeOf(svg, value) {
    const [low, high, scale] = axis(svg);
    return (100 * ((scale ? Math.asinh(value / scale) : value) - low)) / (high - low);
  }

  function valueAt(svg, event) {
    const [low, high, scale] = axis(svg);
    const box = svg.getBoundingClientRect();
    const share = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
    const at = low + share * (high - low);
    return scale ? Math.sinh(at) * scale : at;
  }

  function draw() {
    for (const svg of document.querySelectorAll("svg.stain")) {
      svg.querySelectorAll("line").forEach((line) => line.remove());
      for (const value of read()) {
        const line = document.createElementNS("http://www.w3.org/2000/svg", "line");
        const x = placeOf(svg, value);
        for (const [name, at] of Object.entries({ x1: x, x2: x, y1: 0, y2: 40 })) line.setAttribute(name, at);
        svg.append(line);
      }
    }
  }

  document.addEventListener("pointerdown", (event) => {
    const svg = event.target.closest?.("svg.stain");
    if (!svg || event.button !== 0) return;
    event.preventDefault();
    const values = read();
    const width = svg.getBoundingClientRect().width;
    const pixel = (value) => (placeOf(svg, value) * width) / 100;
    const here = event.clientX - svg.getBoundingClientRect().left;
    const near = values.findIndex((value) => Math.abs(pixel(value) - here) <= NEAR);
    held = { svg, others: values.filter((_, place) => place !== near), there: near >= 0, moved: false, from: event.clientX };
    svg.setPointerCapture(event.pointerId);
  });

  document.addEventListener("pointermove", (event) => {
    if (!held || Math.abs(event.clientX - held.from) < 2) return;
    held.moved = true;
    write([...held.others, valueAt(held.svg, event)]);
  });

  document.addEventListener("pointerup", (event) => {
    if (!held) return;
    const { svg, others, there, moved } = held;
    held = null;
    write(there && !moved ? others : [...others, valueAt(svg, event)]);
  });

  document.addEventListener("pointercancel", () => {
    held = null;
  });

  document.addEventListener("input", (event) => {
    if (event.target === input()) draw();
  });
  document.addEventListener("htmx:afterSettle", draw);
  document.addEventListener("deepometry:settled", draw);
})();
