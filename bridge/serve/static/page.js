// Keeps the page as the bridge is: cameras come and go, states change, the bridge restarts.

import { follow } from "./news.js";
import { Tile } from "./tile.js";
import { showWaiting } from "./waiting.js";

// HTTP/1.1 browsers open six connections a host: four streams and the news leave one for the API. With more cameras,
// and when another window has used the connections up, tiles fetch snapshots instead.
const MOST_STREAMS = 4;
const ON_ITS_WAY_MS = 700; // so old may be what the bridge tells

const board = document.getElementById("tiles");
const tiles = new Map();
let crowded = false;

const nearby = new IntersectionObserver((entries) => {
  for (const entry of entries) entry.target.dataset.seen = entry.isIntersecting ? "yes" : "no";
  assign();
}, { rootMargin: "200px" });

function adopt(element) {
  const tile = new Tile(element, crowd);
  tiles.set(tile.id, tile);
  nearby.observe(element);
}

/** Nobody looks at a hidden page or a tile far below: those fetch nothing, and the bridge makes no picture for them. */
function assign() {
  const mode = crowded || tiles.size > MOST_STREAMS ? "snapshots" : "stream";
  for (const tile of tiles.values()) {
    tile.run(!document.hidden && tile.element.dataset.seen === "yes" ? mode : null);
  }
}

function showCameras(cameras, askedAt) {
  for (const [id, tile] of tiles) {
    if (cameras.some((camera) => camera.id === id)) continue;
    tile.run(null);
    nearby.unobserve(tile.element);
    tile.element.remove();
    tiles.delete(id);
  }
  for (const camera of cameras) {
    if (!tiles.has(camera.id)) board.append(build(camera));
    tiles.get(camera.id).describe(camera, document.body.dataset.dial, askedAt);
  }
  document.getElementById("empty").hidden = cameras.length > 0;
  assign();
}

function build(camera) {
  const element = document.getElementById("tile").content.firstElementChild.cloneNode(true);
  element.dataset.camera = camera.id;
  const base = `cameras/${encodeURIComponent(camera.id)}`;
  element.querySelector(".picture").href = element.querySelector(".open-camera").href = base;
  element.querySelector(".open-stream").href = `${base}/stream.mjpg`;
  element.querySelector(".open-snapshot").href = `${base}/snapshot.jpg`;
  adopt(element);
  return element;
}

function showProblems(ready, problems) {
  const pill = document.getElementById("ready");
  pill.dataset.ready = String(ready);
  pill.textContent = ready ? "ready" : "not ready";
  const section = document.getElementById("problems");
  section.hidden = problems.length === 0;
  section.querySelector("ul").replaceChildren(...problems.map(({ part, detail }) => {
    const [item, name, words] = ["li", "strong", "span"].map((tag) => document.createElement(tag));
    name.textContent = part;
    words.textContent = detail;
    item.append(name, " ", words);
    return item;
  }));
}

/** Streams of this and other windows hold every connection. */
function crowd() {
  crowded = true;
  assign();
  ask();
}

function doubt() {
  showProblems(false, [{ part: "bridge", detail: "does not answer; this page tries again by itself" }]);
  for (const tile of tiles.values()) tile.doubt();
}

for (const element of board.children) adopt(element);
document.addEventListener("visibilitychange", assign);
const ask = follow({
  cameras: (cameras) => showCameras(cameras, performance.now() - ON_ITS_WAY_MS),
  bridge: (bridge) => showProblems(bridge.ready, bridge.parts.filter((part) => !part.ready)),
  waiting: showWaiting,
}, doubt, crowd);
