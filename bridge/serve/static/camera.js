// One camera's page: live, how it is, what can be set, where its zones are, what happened last.

import { showAddresses } from "./addresses.js";
import { Controls } from "./controls.js";
import { Firmware } from "./firmware.js";
import { LivePicture } from "./live.js";
import { follow } from "./news.js";
import { adapted, badge, facts, moment } from "./words.js";
import { ZoneEditor } from "./zones.js";

const RECENT = 8;
const SOON_MS = 1000;
const ON_ITS_WAY_MS = 700; // so old may be what the bridge tells

const page = document.getElementById("camera");
const { camera: id } = page.dataset;
const find = (selector) => page.querySelector(selector);

const live = new LivePicture(find("img.live"), id, (why) => {
  if (why) page.dataset.link = "lost";
  else delete page.dataset.link;
  find(".message").textContent = why;
});
const controls = new Controls(find(".controls"), id);
const firmware = new Firmware(find(".firmware"), id);
const editor = new ZoneEditor(page, id);
showAddresses(find(".addresses"), id);

// --- how it is --------------------------------------------------------------------------------------------------------

function describe(camera) {
  page.dataset.state = camera.state;
  find(".name").textContent = camera.name;
  document.title = `${camera.name} · espcam-bridge`;
  find(".badge").textContent = badge(camera);
  find(".facts").replaceChildren(...facts(camera));
  find(".adapted").hidden = !camera.adaptation?.level;
  find(".adapted").textContent = adapted(camera.adaptation);
  find(".hint").hidden = camera.state !== "waiting";
  find(".hint code").textContent = document.body.dataset.dial + camera.id;
  controls.show(camera, performance.now() - ON_ITS_WAY_MS);
  firmware.show(camera);
  find(".health").replaceChildren(...health(camera).flatMap(([name, value]) => {
    const [term, words] = ["dt", "dd"].map((tag) => document.createElement(tag));
    term.textContent = name;
    words.textContent = value;
    return [term, words];
  }));
}

function health(camera) {
  const { telemetry, hello } = camera;
  const rejected = Object.entries(camera.rejected).map(([reason, count]) => `${count} ${reason.replaceAll("_", " ")}`);
  const known = (value, words) => (value === undefined || value === null ? null : words(value));
  return [
    ["Picture", known(camera.width_px, (width) => `${width} × ${camera.height_px} px`)],
    ["Pictures a second", known(camera.fps, (fps) => `${fps.toFixed(1)}, looked at ${camera.detect_fps.toFixed(1)}`)],
    ["Detection", known(camera.inference_ms, (ms) => `${ms.toFixed(0)} ms`)],
    ["Lost", `${camera.dropped} looks${rejected.length ? `, damaged: ${rejected.join(", ")}` : ""}`],
    ["Viewers", String(camera.viewers)],
    ["Wi-Fi", known(telemetry.rssi_dbm, (dbm) => `${dbm} dBm, ${signal(dbm)}`)],
    ["Free memory", known(telemetry.heap_free_bytes, (bytes) => `${Math.round(bytes / 1024)} KB`)],
    ["Temperature", known(telemetry.temperature_c, (celsius) => `${celsius} °C`)],
    ["Up for", known(telemetry.uptime_s, lasting)],
    ["Connected anew", known(telemetry.reconnects, (count) => `${count} times`)],
    ["Board", [...new Set([hello.board, hello.chip, hello.sensor])].filter(Boolean).join(", ") || null],
    ["Firmware", [hello.firmware, hello.version].filter(Boolean).join(" ") || null],
  ].filter(([, value]) => value !== null);
}

function signal(dbm) {
  if (dbm >= -60) return "good";
  return dbm >= -72 ? "fair" : "weak";
}

function lasting(seconds) {
  const hours = seconds / 3600;
  if (hours < 1) return `${Math.round(seconds / 60)} min`;
  return hours < 48 ? `${Math.round(hours)} h` : `${Math.round(hours / 24)} days`;
}

function gone() {
  page.dataset.state = "offline";
  find(".badge").textContent = "removed from the bridge";
  live.run(null);
}

function lost() {
  page.dataset.state = "unknown";
  find(".badge").textContent = "no answer";
}

// --- what happened ----------------------------------------------------------------------------------------------------

let looking = 0;

async function look() {
  try {
    const query = new URLSearchParams({ camera: id, limit: RECENT });
    const response = await fetch(`api/events?${query}`, { cache: "no-store" });
    if (!response.ok) return;
    const { events } = await response.json();
    find(".recent").replaceChildren(...events.map(card));
    find(".none").hidden = events.length > 0;
  } catch {
    // The news say when the bridge does not answer.
  }
}

function lookSoon() {
  if (!looking) looking = setTimeout(() => { looking = 0; look(); }, SOON_MS);
}

function card(event) {
  const [item, link, image, words] = ["li", "a", "img", "span"].map((tag) => document.createElement(tag));
  link.href = `events?${new URLSearchParams({ camera: id })}#${encodeURIComponent(event.id)}`;
  image.alt = "";
  image.loading = "lazy";
  image.width = 96;
  image.height = 72;
  if (event.has_thumbnail) image.src = `api/events/${encodeURIComponent(event.id)}/thumbnail.jpg`;
  const where = event.entered_zones.length ? `, ${event.entered_zones.join(", ")}` : "";
  words.textContent = `${event.label}${where} · ${moment(new Date(event.start_time))}`;
  link.append(image, words);
  item.append(link);
  return item;
}

// --- all together -----------------------------------------------------------------------------------------------------

find("#boxes").addEventListener("change", (event) => live.showBoxes(event.currentTarget.checked));
find("#outlines").addEventListener("change", (event) => editor.showOutlines(event.currentTarget.checked));
document.addEventListener("visibilitychange", () => live.run(document.hidden ? null : "stream"));
live.run(document.hidden ? null : "stream");
editor.load();
look();
follow({
  cameras: (cameras) => {
    const camera = cameras.find((one) => one.id === id);
    if (camera) describe(camera);
    else gone();
  },
  happened: (event) => { if (event.camera === id) lookSoon(); },
}, lost);
