/* One connection a stream for all open pages: browsers allow six to one server, whatever the
   number of pages, and a stream holds its connection as long as it lasts. */
"use strict";

const KINDS = ["progress", "log", "metrics", "state", "end"];
const AGAIN = 3000; // milliseconds, where a browser has given up by itself
const streams = new Map();

function send(stream, message) {
  for (const port of stream.ports) port.postMessage(message);
}

function connect(url, stream) {
  const source = new EventSource(url);
  stream.source = source;
  const turn = (kind) => {
    stream.kind = kind;
    send(stream, { url, kind });
  };
  source.onopen = () => turn("open");
  source.onerror = () => {
    turn("lost");
    if (source.readyState !== EventSource.CLOSED || streams.get(url) !== stream) return;
    setTimeout(() => streams.get(url) === stream && connect(url, stream), AGAIN);
  };
  for (const kind of KINDS) {
    source.addEventListener(kind, (event) => {
      send(stream, { url, kind, data: JSON.parse(event.data) });
      if (kind === "end" && url !== self.everything) drop(url);
    });
  }
}

function drop(url) {
  streams.get(url)?.source.close();
  streams.delete(url);
}

function leave(url, port) {
  const stream = streams.get(url);
  stream?.ports.delete(port);
  if (stream && stream.ports.size === 0) drop(url);
}

/** Serve one page: `port` has postMessage, and gets messages {open: url} and {close: url}. */
function attend(port, message) {
  if (message.everything) self.everything = message.everything;
  if (message.close) leave(message.close, port);
  if (!message.open) return;
  const existing = streams.get(message.open);
  if (existing) {
    existing.ports.add(port);
    if (existing.kind) port.postMessage({ url: message.open, kind: existing.kind });
    return;
  }
  const stream = { ports: new Set([port]), source: null, kind: null };
  streams.set(message.open, stream);
  connect(message.open, stream);
}

if (typeof SharedWorkerGlobalScope !== "undefined") {
  self.onconnect = (event) => {
    const port = event.ports[0];
    port.onmessage = (sent) => attend(port, sent.data);
  };
} else {
  // a browser without shared workers loads this into the page itself
  self.deepometryAttend = attend;
}
