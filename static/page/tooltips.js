/* Tooltips by mouse, keyboard and touch: bubbles of the page itself, named by data-tip, and one
   that floats, for every other button. Its text is the button's description or, where a button
   shows a sign or a number only, its name. By touch: hold the button. */
"use strict";

window.deepometryTips = (() => {
  const CLOSING = 200; // milliseconds to move from the button to its bubble
  const OPENING = 350; // before the floating one comes, so that it does not flicker on the way
  const HOLDING = 500; // until a touch is no tap any more
  const MARGIN = 8; // pixels to the edge of the window

  let open = null;
  let timer = 0;

  // --- what is shown, and where ---------------------------------------------------------------

  const floating = document.createElement("div");
  floating.className = "bubble floating";
  floating.setAttribute("aria-hidden", "true"); // it repeats what the button's description says
  floating.hidden = true;

  function textOf(button) {
    const name = button.getAttribute("aria-label") ?? "";
    const described = button.getAttribute("aria-description");
    return described || (name === button.textContent.trim() ? "" : name);
  }

  function ownerOf(element) {
    const owner = element.closest?.("[data-tip], button, a.plain");
    return owner && (owner.dataset.tip || textOf(owner)) ? owner : null;
  }

  function bubbleOf(owner) {
    if (owner.dataset.tip) return document.getElementById(owner.dataset.tip);
    floating.textContent = textOf(owner);
    // what lies beside an open dialog is behind it
    (owner.closest("dialog") ?? document.body).append(floating);
    return floating;
  }

  /** Put the floating bubble below its button, or above where there is no room. */
  function place(owner) {
    const at = owner.getBoundingClientRect();
    const { width, height } = floating.getBoundingClientRect();
    const { clientWidth, clientHeight } = document.documentElement;
    const below = at.bottom + 6 + height <= clientHeight;
    floating.style.left = `${Math.max(MARGIN, Math.min(at.left, clientWidth - width - MARGIN))}px`;
    floating.style.top = `${below ? at.bottom + 6 : Math.max(MARGIN, at.top - height - 6)}px`;
  }

  function show(owner, pinned) {
    clearTimeout(timer);
    if (!owner.isConnected) return;
    const same = open?.owner === owner;
    if (same && open.pinned && !pinned) return;
    hide();
    const bubble = bubbleOf(owner);
    if (!bubble) return;
    bubble.hidden = false;
    bubble.classList.remove("below");
    if (bubble === floating) place(owner);
    else if (bubble.getBoundingClientRect().top < 0) bubble.classList.add("below");
    if (owner.hasAttribute("aria-expanded")) owner.setAttribute("aria-expanded", "true");
    open = { owner, bubble, pinned };
  }

  function hide() {
    clearTimeout(timer);
    if (!open) return;
    open.bubble.hidden = true;
    if (open.owner.hasAttribute("aria-expanded")) open.owner.setAttribute("aria-expanded", "false");
    open = null;
  }

  /** Press on a button that is there for its tooltip alone. */
  function toggle(owner) {
    if (open?.owner === owner && open.pinned) hide();
    else show(owner, true);
  }

  const isInside = (element) => Boolean(open?.bubble.contains(element));

  function later(act, delay) {
    clearTimeout(timer);
    timer = setTimeout(act, delay);
  }

  // --- by mouse -------------------------------------------------------------------------------

  // Where the pointer was pressed, until it moves: what appears under it then is not hovered
  let pressed = null;
  const rests = (event) => pressed?.x === event.screenX && pressed?.y === event.screenY;

  document.addEventListener("pointermove", (event) => {
    if (!rests(event)) pressed = null;
  });
  document.addEventListener("pointerover", (event) => {
    if (event.pointerType !== "mouse" || rests(event)) return;
    const owner = ownerOf(event.target);
    if (isInside(event.target)) clearTimeout(timer);
    else if (owner?.dataset.tip) show(owner, false);
    else if (owner && open?.owner !== owner) later(() => show(owner, false), OPENING);
    else if (!owner && !open?.pinned) later(hide, CLOSING);
  });

  // --- by keyboard ----------------------------------------------------------------------------

  document.addEventListener("focusin", (event) => {
    const owner = ownerOf(event.target);
    if (owner?.matches(":focus-visible")) show(owner, false);
  });
  document.addEventListener("focusout", (event) => {
    if (open?.owner === event.target) hide();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") hide();
  });

  // --- by touch: a tap acts, holding shows ------------------------------------------------------

  let held = false;

  document.addEventListener("pointerdown", (event) => {
    pressed = { x: event.screenX, y: event.screenY };
    held = false;
    const owner = event.pointerType === "touch" && ownerOf(event.target);
    if (owner && !owner.matches(".tip, .term")) later(() => hold(owner), HOLDING);
  });

  function hold(owner) {
    held = true;
    show(owner, true);
  }

  for (const kind of ["pointerup", "pointercancel"]) {
    document.addEventListener(kind, (event) => {
      if (event.pointerType === "touch" && !held) clearTimeout(timer);
    });
  }
  document.addEventListener("contextmenu", (event) => {
    if (held) event.preventDefault(); // of a link that is held
  });
  // before anyone else hears of it: the end of holding is no press
  document.addEventListener(
    "click",
    (event) => {
      if (!held) return;
      held = false;
      event.preventDefault();
      event.stopImmediatePropagation();
    },
    true
  );

  document.addEventListener("scroll", () => open?.bubble === floating && place(open.owner), true);

  return { hide, toggle, isInside };
})();
