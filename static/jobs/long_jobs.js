/* What the user asked to be told at the end of a long job: by the system, by a quiet sound. */
"use strict";

(() => {
  const BASE = new URL("../..", document.currentScript.src);
  const LONG = 60; // seconds
  const TOLD = "deepometry-told"; // jobs whose end was told, by any page, and is heard again
  const KEPT = 20;
  const on = (name) => localStorage.getItem(`deepometry-${name}`) === "yes";
  const keep = (name, value) => localStorage.setItem(`deepometry-${name}`, value ? "yes" : "no");
  const supported = "Notification" in window;
  const allowed = () => supported && Notification.permission === "granted";

  // --- the end of a job -------------------------------------------------------------------------

  function tellOnce(id) {
    const told = JSON.parse(localStorage.getItem(TOLD) ?? "[]");
    if (told.includes(id)) return false;
    localStorage.setItem(TOLD, JSON.stringify([...told, id].slice(-KEPT)));
    return true;
  }

  async function onEnd({ detail: id }) {
    if (!on("sound") && !(on("notify") && allowed())) return;
    const answer = await fetch(new URL(`jobs/${id}`, BASE), { headers: { "HX-Request": "true" } });
    if (!answer.ok) return; // it was taken off the list
    const card = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector(".job");
    if (Number(card.dataset.seconds) < LONG || card.dataset.state === "cancelled") return;
    if (!tellOnce(id)) return;
    if (on("notify") && allowed()) notify(card);
    if (on("sound")) play();
  }

  function notify(card) {
    const text = (card.querySelector(".asked, .problem, .when")?.textContent ?? "").trim();
    const said = new Notification(card.getAttribute("aria-label"), {
      body: text.replace(/\s+/g, " "),
      tag: card.id, // several pages tell it once
    });
    said.onclick = () => (window.focus(), said.close());
  }

  // --- the sound: two soft tones, of no file ---------------------------------------------------

  const TONES = [[523, 0], [659, 0.18]]; // hertz, seconds
  let audio = null;

  async function play() {
    audio ??= new AudioContext();
    await audio.resume(); // where nothing on the page was pressed yet, it stays silent
    for (const [pitch, after] of TONES) {
      const tone = new OscillatorNode(audio, { frequency: pitch });
      const volume = new GainNode(audio, { gain: 0 });
      const begin = audio.currentTime + after;
      volume.gain.setTargetAtTime(0.06, begin, 0.02);
      volume.gain.setTargetAtTime(0, begin + 0.12, 0.12);
      tone.connect(volume).connect(audio.destination);
      tone.start(begin);
      tone.stop(begin + 1);
    }
  }

  // --- the switches -----------------------------------------------------------------------------

  const BLOCKED = "This browser blocks notifications of this page: allow them in its settings.";
  const MISSING = "This browser shows no notifications for pages at this address.";
  const say = (text) => (document.getElementById("told-notify").textContent = text);

  async function switchNotify(box) {
    if (box.checked && supported && Notification.permission === "default") {
      await Notification.requestPermission();
    }
    if (box.checked && !allowed()) {
      box.checked = false;
      say(supported ? BLOCKED : MISSING);
    } else {
      say("");
    }
    keep("notify", box.checked);
  }

  function switchSound(box) {
    keep("sound", box.checked);
    if (box.checked) play();
  }

  document.addEventListener("change", ({ target }) => {
    if (target.id === "notify") switchNotify(target);
    else if (target.id === "sound") switchSound(target);
  });
  document.addEventListener("DOMContentLoaded", () => {
    const [notify, sound] = ["notify", "sound"].map((id) => document.getElementById(id));
    if (!notify) return;
    notify.checked = on("notify") && allowed();
    sound.checked = on("sound");
  });
  document.addEventListener("deepometry:any-ended", onEnd);
})();
