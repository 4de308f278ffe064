// The labels, as this page knows them: given at once, sent in their order, kept until they are saved.
import { KEPT, getJson, newMark, postJson, remember, remembered, rememberedKeys } from "./page.js";

const PATIENCE = [500, 1000, 2000, 4000]; // milliseconds until the next attempt
const WAITING = `${KEPT} waiting `;
const own = `${WAITING}${newMark()}`; // other windows have their own

export class Labels extends EventTarget {
  constructor() {
    super();
    Object.assign(this, { about: null, states: new Map(), waiting: [], past: [], future: [], sending: false, failed: 0, who: "" });
    // what another window, or an earlier visit, could not send: sent twice, it counts once
    for (const key of rememberedKeys(WAITING)) {
      this.waiting.push(...remembered(key, []));
      remember(key, null);
    }
    this.keep();
  }

  start() {
    this.send();
  }

  // --- what is known ---

  get classes() {
    return this.about?.classes ?? [];
  }

  classOf(id) {
    return this.classes.find((each) => each.id === id);
  }

  state(key) {
    return this.states.get(key) ?? { mine: 0, counted: 0, settled: 0, others: {} };
  }

  // What the server says, but for cells with a change that is still to be sent
  learn(answer) {
    const { shown = [], ...about } = answer;
    const unsent = new Set(this.waiting.flatMap((each) => each.cells ?? []));
    for (const { key, mine, counted, settled, others } of shown) {
      if (!unsent.has(key)) this.states.set(key, { mine, counted, settled, others });
    }
    if (about.classes) this.about = { ...this.about, ...about };
    this.tell("about");
    this.tell("cells", shown.map((each) => each.key));
  }

  tell(what, detail = null) {
    this.dispatchEvent(new CustomEvent(what, { detail }));
  }

  // --- what is done ---

  give(keys, label, settles = false) {
    const field = settles ? "settled" : "mine";
    const changed = keys.filter((key) => this.state(key)[field] !== (label ?? 0));
    if (!changed.length) return [];
    const before = new Map(changed.map((key) => [key, this.state(key)[field]]));
    const after = new Map(changed.map((key) => [key, label ?? 0]));
    this.past.push({ field, before, after });
    this.future = [];
    this.put(field, after);
    this.add({ do: "give", cells: changed, label, settles });
    return changed;
  }

  undo() {
    return this.turn("undo", this.past, this.future, "before");
  }

  redo() {
    return this.turn("redo", this.future, this.past, "after");
  }

  // What was done on this page changes at once; what was done before, when the server has answered
  turn(what, from, to, side) {
    const step = from.pop();
    if (step) {
      to.push(step);
      this.put(step.field, step[side]);
    }
    this.add({ do: what, cells: step ? [...step.before.keys()] : [] });
  }

  put(field, values) {
    for (const [key, value] of values) this.states.set(key, { ...this.state(key), [field]: value });
    this.tell("cells", [...values.keys()]);
  }

  // --- what is sent ---

  add(change) {
    this.waiting.push({ ...change, who: this.who, mark: newMark() });
    this.keep();
    this.send();
  }

  keep() {
    remember(own, this.waiting.length ? this.waiting : null);
    this.tell("saved");
  }

  async send() {
    if (this.sending) return;
    this.sending = true;
    while (this.waiting.length) {
      const [change] = this.waiting;
      try {
        const { do: what, ...sent } = change;
        const answer = await postJson(what, sent);
        this.sent(change, answer);
      } catch (error) {
        if (!error.away) await this.refused(change, error);
        else await this.pause(error);
      }
    }
    this.sending = false;
    this.tell("saved");
  }

  sent(change, answer) {
    this.failed = 0;
    this.waiting.shift();
    this.keep();
    this.learn(answer);
    if (change.do !== "give") this.tell("turned", { what: change.do, changed: answer.changed, shown: answer.shown });
  }

  // It cannot be saved, now or later: the page goes back to what the server has
  async refused(change, error) {
    this.waiting.shift();
    Object.assign(this, { past: [], future: [] });
    this.keep();
    this.tell("refused", error.message);
  }

  async pause(error) {
    this.error = error.message;
    this.failed += 1;
    this.tell("saved");
    await new Promise((done) => setTimeout(done, PATIENCE[Math.min(this.failed, PATIENCE.length) - 1]));
  }

  // --- classes ---

  async change(what) {
    this.learn(await postJson("classes", { ...what, who: this.who }));
  }

  async read() {
    const about = await getJson("about.json", { who: this.who });
    if (about.opening) return about.opening;
    this.learn(about);
    return null;
  }
}
