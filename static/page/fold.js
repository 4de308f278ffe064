/* Forms that fold into the line of their results, in a project: when their job is done, and open
   again for whatever is to be seen or entered in them. */
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
    if (inUse(place) || card.parentElement.querySelector(GOES_ON)) return;
    if (place.contains(document.activeElement)) summary.focus({ preventScroll: true });
    place.open = false;
  }

  document.addEventListener("deepometry:job-ended", ({ detail }) => fold(detail));

  return { open };
})();
