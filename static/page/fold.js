/* Forms that are folded: further ones below a step until they are filled in, and in a project those
   whose job is done, into the line of their results. They open for whatever is to be seen or
   entered in them. */
"use strict";

window.deepometryFold = (() => {
  const of = (verb) => document.getElementById(`fold-${verb}`);

  function open(verb) {
    const fold = of(verb);
    if (fold) fold.open = true;
  }

  /** A form is in use where the user entered something since it was sent, or is about to. */
  function inUse(fold) {
    const fields = [...fold.querySelectorAll(".field input, .field select")];
    return fields.some((each) => each.dataset.touched === "yes" || each === document.activeElement);
  }

  const GOES_ON = "[data-state=queued], [data-state=running]";

  function fold(card) {
    const place = of(card.dataset.verb);
    if (!place || !document.body.dataset.project || card.dataset.state !== "done") return;
    const summary = place.querySelector("summary");
    summary.hidden = false;
    summary.querySelector("[data-of=fold]").textContent = "Change or run again";
    if (inUse(place) || card.parentElement.querySelector(GOES_ON)) return;
    if (place.contains(document.activeElement)) summary.focus({ preventScroll: true });
    place.open = false;
  }

  document.addEventListener("deepometry:job-ended", ({ detail }) => fold(detail));

  return { open };
})();
