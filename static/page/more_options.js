/* "More options": a search among them, and what the recipe chooses where one is left open. */
"use strict";

(() => {
  const all = (selector, root) => [...root.querySelectorAll(selector)];
  const OPEN = ["", "auto"]; // what leaves an option to the recipe

  // --- the search -----------------------------------------------------------------------------

  /** What an option says of itself; the terms that its tooltip explains are about others, too. */
  function wordsOf(field) {
    const said = field.cloneNode(true);
    all(".meaning, select, .offer, .path-status", said).forEach((each) => each.remove());
    return `${field.dataset.flag} ${said.textContent}`.toLowerCase();
  }

  function search(input) {
    const words = input.value.toLowerCase().split(/\s+/);
    const more = input.closest(".more");
    let found = 0;
    for (const field of all(".field", more)) {
      const text = wordsOf(field);
      field.hidden = !words.every((word) => text.includes(word));
      found += field.hidden ? 0 : 1;
    }
    for (const group of all(".group", more)) group.hidden = !group.querySelector(".field:not([hidden])");
    const count = found === 1 ? "One option fits." : `${found} options fit.`;
    const told = found ? count : "No option fits.";
    more.querySelector(".find .text").textContent = input.value.trim() ? told : "";
  }

  document.addEventListener("keydown", (event) => {
    if (!event.target.matches?.(".find input")) return;
    if (event.key === "Enter") event.preventDefault(); // a search sends no form
  });

  // --- the recipe -----------------------------------------------------------------------------

  function showChoices(form) {
    const recipe = form.elements.namedItem("recipe")?.value;
    const input = form.elements.namedItem("input");
    for (const line of all("[data-choices]", form)) {
      const control = line.closest(".field").querySelector("input, select");
      // how many cells there are is known of the folder that the server put there
      const counted = input?.value === input?.defaultValue && line.dataset.counted;
      const choices = JSON.parse(counted || line.dataset.choices);
      line.querySelector("span").textContent = choices[recipe] ?? "";
      line.hidden = !OPEN.includes(control.value.trim().toLowerCase());
    }
  }

  for (const kind of ["input", "change"]) {
    document.addEventListener(kind, ({ target }) => {
      if (target.matches(".find input")) search(target);
      else if (target.form) showChoices(target.form);
    });
  }
})();
