// How the bridge is: its parts, and small charts of the last twenty minutes.

import { follow } from "./news.js";

const EVERY_MS = 5000;
const KEPT = 240; // as in bridge/serve/figures.py
const HEIGHT = 60;
const SVG = "http://www.w3.org/2000/svg";
const TIMEOUT_MS = 15000;

const find = (selector) => document.querySelector(selector);

async function charts() {
  try {
    const response = await fetch("api/system", { cache: "no-store", signal: AbortSignal.timeout(TIMEOUT_MS) });
    if (response.ok) {
      const { series } = await response.json();
      for (const [name, { values }] of Object.entries(series)) draw(find(`[data-series="${name}"]`), values);
    }
  } catch {
    // The news say when the bridge does not answer.
  }
}

function draw(figure, values) {
  const known = values.filter((value) => value !== null);
  const highest = Math.max(...known, 0);
  const newest = known.at(-1);
  figure.querySelector("output").textContent = newest === undefined ? "–" : short(newest);
  const line = document.createElementNS(SVG, "polyline");
  const first = KEPT - values.length;
  line.setAttribute("points", values.flatMap((value, place) => (
    value === null ? [] : [`${first + place},${HEIGHT - 2 - (highest ? value / highest : 0) * (HEIGHT - 6)}`]
  )).join(" "));
  if (known.length) figure.querySelector("svg").replaceChildren(line);
  figure.title = known.length ? `at most ${short(highest)}` : "";
}

function short(value) {
  return value >= 100 ? String(Math.round(value)) : value.toFixed(1).replace(/\.0$/, "");
}

function describe(bridge) {
  find("#ready").dataset.ready = String(bridge.ready);
  find("#ready").textContent = bridge.ready ? "ready" : "not ready";
  find(".parts").replaceChildren(...bridge.parts.map(({ part, ready, detail }) => {
    const [item, name, words] = ["li", "strong", "span"].map((tag) => document.createElement(tag));
    item.dataset.ready = String(ready);
    name.textContent = part;
    words.textContent = detail;
    item.append(name, " ", words);
    return item;
  }));
  find(".model").textContent = bridge.model ? `${bridge.model} on ${bridge.runtime} ${bridge.device}` : "none yet";
  find(".cameras").textContent = (bridge.cameras ?? []).join(", ");
  find(".history").textContent = bridge.history ?? "";
  find(".state").textContent = bridge.state ?? "";
}

async function reload(event) {
  const button = event.currentTarget;
  const outcome = find("#outcome");
  button.disabled = true;
  outcome.dataset.how = "";
  outcome.textContent = "…";
  try {
    const response = await fetch("api/reload", { method: "POST", signal: AbortSignal.timeout(TIMEOUT_MS) });
    const answer = await response.json();
    outcome.dataset.how = response.ok ? "good" : "bad";
    if (!response.ok) outcome.textContent = answer.detail;
    else if (answer.begins_anew_for.length === 0) outcome.textContent = "It is in force.";
    else outcome.textContent = `The bridge begins anew for: ${answer.begins_anew_for.join(", ")}.`;
  } catch {
    outcome.dataset.how = "bad";
    outcome.textContent = "the bridge does not answer";
  }
  button.disabled = false;
}

function lost() {
  find("#ready").dataset.ready = "false";
  find("#ready").textContent = "no answer";
}

find("#reload").addEventListener("click", reload);
follow({ bridge: describe }, lost);
charts();
setInterval(() => { if (!document.hidden) charts(); }, EVERY_MS);
