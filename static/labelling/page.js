// What all parts of the labelling page share: its element, and questions to the server.

export const root = document.getElementById("labelling");
export const of = (name) => root.querySelector(`[data-of=${name}]`);
export const number = (value) => value.toLocaleString("en");
export const counted = (value, noun) => `${number(value)} ${noun}${value === 1 ? "" : "s"}`;

const { base, cells, name } = root.dataset;
let { token } = root.dataset;

export const KEPT = `deepometry-labels ${cells} ${name}`; // in the browser, for these labels only

export function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

const address = (path, more) => `${base}/${path}?${new URLSearchParams({ cells, name, ...more })}`;

// Asks the server; an error has `away` where it may answer later, when it is there again
async function answered(url, options) {
  const answer = await fetch(url, { credentials: "same-origin", ...options }).catch(() => {
    throw Object.assign(new Error("Deepometry does not answer. Is it still running?"), { away: true });
  });
  if (answer.ok) return answer;
  const text = await answer.text();
  const away = answer.status >= 500 || answer.status === 403;
  throw Object.assign(new Error(sentence(text) || `Deepometry could not answer (error ${answer.status}).`), { away, status: answer.status });
}

function sentence(text) {
  try {
    return JSON.parse(text).error ?? "";
  } catch {
    return "";
  }
}

const asJson = { headers: { Accept: "application/json" } };
export const getJson = async (path, more = {}) => (await answered(address(path, more), asJson)).json();
export const getBytes = async (path, more = {}) => (await answered(address(path, more), asJson)).arrayBuffer();

export async function postJson(path, body) {
  const send = () => answered(address(path), { method: "POST", headers: { "X-CSRFToken": token, "Content-Type": "application/json", Accept: "application/json" }, body: JSON.stringify(body) });
  try {
    return await (await send()).json();
  } catch (error) {
    if (error.status !== 400) throw error;
    ({ token } = await getJson("token")); // the server was started anew
    for (const field of root.querySelectorAll("input[name=csrf_token]")) field.value = token;
    return (await send()).json();
  }
}

// What this browser remembers; without storage the page works, and forgets
export function remembered(key, otherwise) {
  try {
    return JSON.parse(localStorage.getItem(key)) ?? otherwise;
  } catch {
    return otherwise;
  }
}

export function remember(key, value) {
  try {
    if (value === null) localStorage.removeItem(key);
    else localStorage.setItem(key, JSON.stringify(value));
  } catch {
    // full, or switched off by the user
  }
}

export function rememberedKeys(beginning) {
  try {
    return Object.keys(localStorage).filter((key) => key.startsWith(beginning));
  } catch {
    return [];
  }
}

// A text that nobody else has; not crypto.randomUUID, which needs https beyond this computer
export function newMark() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
