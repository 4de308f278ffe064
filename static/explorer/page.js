// What all parts of the explorer share: its element, and questions to the server.

export const root = document.getElementById("explore");
export const of = (name) => root.querySelector(`[data-of=${name}]`);
export const number = (value) => value.toLocaleString("en");

const { base, cells, token } = root.dataset; // addresses of the map, and of its cells

export function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

async function answered(url, options = {}) {
  const answer = await fetch(url, { credentials: "same-origin", ...options }).catch(() => {
    throw new Error("Deepometry does not answer. Is it still running?");
  });
  if (answer.ok) return answer;
  const body = await answer.json().catch(() => ({}));
  const message = body.error || `Deepometry could not answer (error ${answer.status}); reload the page.`;
  throw Object.assign(new Error(message), { used: body.used });
}

const asJson = { headers: { Accept: "application/json" } };

export const mapJson = async (path) => (await answered(base + path, asJson)).json();
export const mapBytes = async (path) => (await answered(base + path, asJson)).arrayBuffer();
export const cellsJson = async (path) => (await answered(cells + path, asJson)).json();
export const cellsBytes = async (path) => (await answered(cells + path, asJson)).arrayBuffer();
export const cellPicture = (cell, channel, stamp) => `${cells}/${cell}/${channel}.png?v=${stamp}`;

function posted(url, body) {
  const headers = { "X-CSRFToken": token, "Content-Type": "application/octet-stream", Accept: "application/json" };
  return answered(url, { method: "POST", headers, body });
}

export const postToMap = (path, bits) => posted(base + path, bits);
export const postToCells = (path, bits) => posted(cells + path, bits);
