// The line under the pattern of file names (Preprocessing): how the files are taken by it.
"use strict";

(() => {
  const LINE = "names-form-parse";
  const field = (name) => document.querySelector(`#form-parse [name="${name}"]`);
  let wait = 0;

  async function ask() {
    const [input, pattern] = [field("input"), field("pattern")];
    if (!pattern || !(pattern.value || pattern.closest("details")?.open)) return;
    const values = { page: window.deepometry.page, path: input.value, pattern: pattern.value };
    const answer = await fetch(`/browse/names?${new URLSearchParams(values)}`)
      .then((found) => found.json())
      .catch(() => null);
    const same = input.value === values.path && pattern.value === values.pattern;
    if (!answer || !same || !pattern.isConnected) return;
    const told = window.deepometry.lineBelow(pattern, LINE, pattern.closest(".row"));
    told.textContent = answer.text;
    told.dataset.state = answer.state;
    if (answer.pending) later(500);
  }

  function later(milliseconds) {
    clearTimeout(wait);
    wait = setTimeout(ask, milliseconds);
  }

  const concerns = (target) => target.form?.id === "form-parse" && ["input", "pattern"].includes(target.name);

  document.addEventListener("input", ({ target }) => concerns(target) && later(400));
  document.addEventListener("change", ({ target }) => concerns(target) && later(0));
  document.addEventListener("toggle", ({ target }) => target.matches?.("#form-parse details.more") && later(0), true);
  document.addEventListener("htmx:afterSettle", () => document.getElementById(LINE) || later(0));
  later(0);
})();
