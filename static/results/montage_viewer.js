// Montage sheets: a chooser, and a picture to zoom by wheel, buttons or keys and to move by dragging.

const MOST = 32;

export function start(element, tools) {
  const of = (name) => element.querySelector(`[data-of=${name}]`);
  const view = element.querySelector(".r-view");
  const picture = view.querySelector("img");
  const wait = view.querySelector(".r-wait");
  let listed = { series: [], channels: [] };
  let sheet = 1;
  let scale = 1;
  let x = 0;
  let y = 0;

  // --- which sheet ---

  const chosen = () => listed.series[of("series").selectedIndex];

  function show() {
    const series = chosen();
    if (!series) return;
    sheet = Math.min(Math.max(sheet, 1), series.sheets);
    const channel = of("channel").value;
    const asked = new URLSearchParams({ series: series.key, channel, sheet, contrast: of("contrast").value, v: element.dataset.stamp });
    history.replaceState(null, "", `?${new URLSearchParams({ series: series.key, channel, sheet, contrast: of("contrast").value })}`);
    wait.textContent = "Drawing the sheet …";
    picture.alt = `Montage of ${series.label}, ${of("channel").selectedOptions[0].text}, sheet ${sheet} of ${series.sheets}`;
    picture.src = `${element.dataset.picture}?${asked}`;
    of("number").textContent = `${sheet} of ${series.sheets}`;
    element.querySelector("[data-do=previous]").disabled = sheet === 1;
    element.querySelector("[data-do=next]").disabled = sheet === series.sheets;
    const name = `${series.key}_ch${channel}_${sheet}.tif`;
    of("original").href = element.dataset.file + name.split("/").map(encodeURIComponent).join("/");
  }

  function fill(list) {
    listed = list;
    of("series").replaceChildren(...list.series.map((each) => tools.make("option", { value: each.key, textContent: each.label })));
    of("channel").replaceChildren(...list.channels.map((each) => tools.make("option", { value: each.number, textContent: each.name })));
    of("hidden").textContent = list.hidden ? `; ${tools.number(list.hidden)} more montages are in the folder` : "";
    begin();
    show();
  }

  /** Begin with the sheet that the address names. */
  function begin() {
    const asked = new URLSearchParams(location.search);
    const index = listed.series.findIndex((series) => series.folder === asked.get("folder") || series.key === asked.get("series"));
    if (index >= 0) of("series").selectedIndex = index;
    if (asked.has("channel")) of("channel").value = asked.get("channel");
    if (of("channel").selectedIndex < 0) of("channel").selectedIndex = 0;
    if (asked.get("contrast") === "own") of("contrast").value = "own";
    sheet = Number(asked.get("sheet")) || 1;
  }

  tools.fetchJson(element.dataset.list).then(fill).catch((error) => (wait.textContent = error.message));

  picture.addEventListener("load", () => {
    wait.textContent = "";
    fit();
  });
  picture.addEventListener("error", async () => {
    const reply = await tools.fetchJson(picture.src).catch((error) => error);
    wait.textContent = reply.message || "The sheet cannot be shown.";
  });

  // --- how it lies in the view ---

  const base = () => Math.min(view.clientWidth / (picture.naturalWidth || 1), view.clientHeight / (picture.naturalHeight || 1));

  function place() {
    const size = [picture.naturalWidth * base() * scale, picture.naturalHeight * base() * scale];
    const keep = (at, length, room) => (length <= room ? (room - length) / 2 : Math.min(0, Math.max(room - length, at)));
    x = keep(x, size[0], view.clientWidth);
    y = keep(y, size[1], view.clientHeight);
    picture.style.width = `${picture.naturalWidth}px`;
    picture.style.transform = `translate(${x}px, ${y}px) scale(${base() * scale})`;
    picture.classList.toggle("r-pixels", base() * scale > 1.5);
  }

  function fit() {
    scale = 1;
    x = y = 0;
    place();
  }

  function zoom(factor, cx = view.clientWidth / 2, cy = view.clientHeight / 2) {
    const next = Math.min(MOST, Math.max(1, scale * factor));
    x = cx - ((cx - x) * next) / scale;
    y = cy - ((cy - y) * next) / scale;
    scale = next;
    place();
  }

  function move(dx, dy) {
    x += dx;
    y += dy;
    place();
  }

  view.addEventListener(
    "wheel",
    (event) => {
      if (!event.ctrlKey && document.activeElement !== view) return; // the page scrolls past it
      event.preventDefault();
      const box = view.getBoundingClientRect();
      zoom(Math.exp(-event.deltaY / 300), event.clientX - box.left, event.clientY - box.top);
    },
    { passive: false },
  );

  const fingers = new Map();
  view.addEventListener("pointerdown", (event) => {
    fingers.set(event.pointerId, event);
    view.setPointerCapture(event.pointerId);
    view.focus({ preventScroll: true });
  });
  view.addEventListener("pointermove", (event) => {
    const before = fingers.get(event.pointerId);
    if (!before) return;
    const other = [...fingers.values()].find((finger) => finger.pointerId !== event.pointerId);
    if (other) {
      const apart = (finger) => Math.hypot(finger.clientX - other.clientX, finger.clientY - other.clientY) || 1;
      const box = view.getBoundingClientRect();
      zoom(apart(event) / apart(before), other.clientX - box.left, other.clientY - box.top);
    } else move(event.clientX - before.clientX, event.clientY - before.clientY);
    fingers.set(event.pointerId, event);
  });
  for (const name of ["pointerup", "pointercancel"]) view.addEventListener(name, (event) => fingers.delete(event.pointerId));

  const keys = {
    "+": () => zoom(1.5),
    "=": () => zoom(1.5),
    "-": () => zoom(1 / 1.5),
    0: fit,
    ArrowLeft: () => move(40, 0),
    ArrowRight: () => move(-40, 0),
    ArrowUp: () => move(0, 40),
    ArrowDown: () => move(0, -40),
  };
  view.addEventListener("keydown", (event) => {
    if (!keys[event.key] || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    keys[event.key]();
  });

  // --- controls ---

  const actions = {
    in: () => zoom(1.5),
    out: () => zoom(1 / 1.5),
    fit,
    previous: () => turn(-1),
    next: () => turn(1),
  };
  function turn(step) {
    sheet += step;
    show();
  }
  element.addEventListener("click", (event) => actions[event.target.closest("[data-do]")?.dataset.do]?.());
  for (const name of ["series", "channel", "contrast"]) {
    of(name).addEventListener("change", () => {
      if (name === "series") sheet = 1;
      show();
    });
  }
  of("brightness").addEventListener("input", (event) => {
    picture.style.filter = `brightness(${2 ** Number(event.target.value)})`;
  });
  const watch = new ResizeObserver(place);
  watch.observe(view);
  return () => watch.disconnect();
}
