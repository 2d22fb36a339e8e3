// Past events: a gallery that grows as one scrolls, when they were, and one of them large.
//
// What is asked for stands in the page's address, so that it can be kept, sent, and gone back to. Names of cameras,
// labels and zones are text here (textContent), never markup.

import { follow } from "./news.js";

const PAGE = 60; // the first: it is there at once
const MORE = 240; // as one scrolls
const BUCKETS = 96;
const SOON_MS = 1000; // what happened is in the history a moment later
const TIMEOUT_MS = 15000;
const SVG = "http://www.w3.org/2000/svg";

const form = document.getElementById("filters");
const gallery = document.getElementById("gallery");
const trouble = document.getElementById("trouble");
const newer = document.getElementById("newer");
const dialog = document.getElementById("event");
const more = document.getElementById("more");
const end = new IntersectionObserver((entries) => {
  if (entries.at(-1).isIntersecting && cursor && !loading) load(round, wanted());
}, { rootMargin: "200%" });
const names = new Map([...form.camera.options].map((option) => [option.value, option.text]));

let events = []; // as shown, the newest first
let cursor = null; // of the next page; null: there is none
let round = 0; // of questions; an answer to an older one is dropped
let loading = false;
let shown = -1; // which one is large

async function get(path) {
  const response = await fetch(path, { signal: AbortSignal.timeout(TIMEOUT_MS), cache: "no-store" });
  const body = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(body.detail || `HTTP ${response.status}`);
  return body;
}

// --- what is asked for ------------------------------------------------------------------------------------------------

function wanted() {
  const query = new URLSearchParams();
  for (const name of ["camera", "label", "zone"]) if (form[name].value.trim()) query.set(name, form[name].value.trim());
  for (const name of ["since", "until"]) {
    if (form[name].value) query.set(name, new Date(form[name].value).toISOString());
  }
  return query;
}

function fill(query) {
  for (const name of ["camera", "label", "zone"]) {
    const value = query.get(name) ?? "";
    if (name === "camera" && value && !names.has(value)) form.camera.add(new Option(value, value)); // it is gone
    form[name].value = value;
  }
  for (const name of ["since", "until"]) form[name].value = query.has(name) ? local(new Date(query.get(name))) : "";
}

/** The form that datetime-local takes: this place's time, without a zone. */
function local(date) {
  if (Number.isNaN(date.getTime())) return "";
  return new Date(date.getTime() - 60000 * date.getTimezoneOffset()).toISOString().slice(0, 16);
}

function ask(keep = true) {
  const query = wanted();
  if (keep) history.replaceState(null, "", query.size ? `events?${query}` : "events");
  round += 1;
  events = [];
  cursor = null;
  newer.hidden = true;
  gallery.replaceChildren();
  draw(round, query);
  return load(round, query);
}

// --- the gallery ------------------------------------------------------------------------------------------------------

async function load(asked, query) {
  loading = true;
  try {
    const page = new URLSearchParams(query);
    page.set("limit", cursor ? MORE : PAGE);
    if (cursor) page.set("cursor", cursor);
    const answer = await get(`api/events?${page}`);
    if (asked !== round) return;
    cursor = answer.next_cursor;
    events.push(...answer.events);
    gallery.append(...answer.events.map(card));
    suggest(answer.events);
    document.getElementById("none").hidden = events.length > 0;
    trouble.hidden = true;
  } catch (error) {
    if (asked === round) complain(error);
  } finally {
    if (asked === round) loading = false;
  }
  // The end may still be near: looked at anew, it says so.
  end.unobserve(more);
  end.observe(more);
}

function complain(error) {
  trouble.textContent = error.name === "TimeoutError" ? "The bridge does not answer." : error.message;
  trouble.hidden = false;
}

function card(event) {
  const element = document.getElementById("card").content.firstElementChild.cloneNode(true);
  element.dataset.id = event.id;
  const link = element.querySelector("a");
  link.href = event.snapshot_path ? `api/events/${event.id}/snapshot.jpg` : "#";
  link.addEventListener("click", (click) => {
    if (click.ctrlKey || click.metaKey || click.shiftKey) return; // in a tab of its own
    click.preventDefault();
    open(events.findIndex((one) => one.id === event.id));
  });
  describe(element, event);
  return element;
}

function describe(element, event) {
  const image = element.querySelector("img");
  image.hidden = !event.has_thumbnail;
  if (event.has_thumbnail) image.src = `api/events/${event.id}/thumbnail.jpg`;
  const place = event.entered_zones.length ? ` · ${event.entered_zones.join(", ")}` : "";
  element.querySelector(".what").textContent = `${event.label} ${percent(event.top_score)}`;
  element.querySelector(".where").textContent = `${name(event.camera)}${place}`;
  const time = element.querySelector("time");
  time.dateTime = event.start_time;
  time.textContent = `${moment(event.start_time)} · ${lasted(event)}`;
}

function suggest(some) {
  for (const [id, values] of [
    ["labels", some.map((event) => event.label)],
    ["zones", some.flatMap((event) => event.entered_zones)],
  ]) {
    const list = document.getElementById(id);
    const known = new Set([...list.options].map((option) => option.value));
    for (const value of new Set(values)) if (!known.has(value)) list.append(new Option("", value));
  }
}

// --- when -------------------------------------------------------------------------------------------------------------

async function draw(asked, query) {
  const timeline = document.getElementById("timeline");
  const span = document.getElementById("span");
  try {
    const range = new URLSearchParams(query);
    range.set("buckets", BUCKETS);
    const answer = await get(`api/events/timeline?${range}`);
    if (asked !== round) return;
    const { counts } = answer;
    const since = Date.parse(answer.since);
    const step = (Date.parse(answer.until) - since) / counts.length;
    const most = Math.max(1, ...counts);
    timeline.replaceChildren(...counts.map((count, place) => bar(count, place, counts.length, most, since, step)));
    const total = counts.reduce((sum, count) => sum + count, 0);
    timeline.setAttribute("aria-label", `${total} events from ${moment(answer.since)} to ${moment(answer.until)}`);
    span.querySelector(".from").textContent = moment(answer.since);
    span.querySelector(".to").textContent = moment(answer.until);
    span.querySelector(".count").textContent = total === 1 ? "1 event" : `${total} events`;
  } catch (error) {
    if (asked === round) complain(error);
  }
}

function bar(count, place, places, most, since, step) {
  const group = document.createElementNS(SVG, "g");
  const width = 960 / places;
  const height = count ? Math.max(3, (76 * count) / most) : 0;
  for (const [kind, y, h] of [["hit", 0, 80], ["bar", 80 - height, height]]) {
    const rect = document.createElementNS(SVG, "rect");
    for (const [key, value] of Object.entries({ x: place * width, y, width: width - 1, height: h, class: kind })) {
      rect.setAttribute(key, value);
    }
    group.append(rect);
  }
  const [from, to] = [new Date(since + place * step), new Date(since + (place + 1) * step)];
  const title = document.createElementNS(SVG, "title");
  title.textContent = `${moment(from)}: ${count}`;
  group.append(title);
  if (count) {
    group.addEventListener("click", () => {
      form.since.value = local(from);
      form.until.value = local(new Date(to.getTime() + 59999));
      ask();
    });
  }
  return group;
}

// --- one of them, large -----------------------------------------------------------------------------------------------

async function open(place) {
  if (place < 0) return;
  if (place >= events.length && cursor && !loading) await load(round, wanted());
  if (place >= events.length) return;
  shown = place;
  const event = events[place];
  dialog.querySelector("h2").textContent = `${event.label} · ${name(event.camera)}`;
  const picture = dialog.querySelector(".picture");
  const image = picture.querySelector("img");
  const path = event.has_snapshot ? "snapshot.jpg" : "thumbnail.jpg";
  picture.hidden = !event.has_snapshot && !event.has_thumbnail;
  picture.href = image.src = `api/events/${event.id}/${path}`;
  image.alt = `${event.label}, ${name(event.camera)}, ${moment(event.start_time)}`;
  const facts = [
    ["When", `${moment(event.start_time, true)} · ${lasted(event)}`],
    ["Sure", `${percent(event.top_score)} at best`],
    ["Zones", event.entered_zones.join(", ") || "–"],
    ["Stands still", event.stationary ? "yes" : "no"],
    ["Id", event.id],
  ];
  dialog.querySelector("dl").replaceChildren(...facts.flatMap(([word, text]) => {
    const [term, definition] = ["dt", "dd"].map((tag) => document.createElement(tag));
    term.textContent = word;
    definition.textContent = text;
    return [term, definition];
  }));
  dialog.querySelector(".newer").disabled = place === 0;
  dialog.querySelector(".older").disabled = place === events.length - 1 && !cursor;
  if (!dialog.open) dialog.showModal();
}

dialog.querySelector(".close").addEventListener("click", () => dialog.close());
dialog.querySelector(".newer").addEventListener("click", () => open(shown - 1));
dialog.querySelector(".older").addEventListener("click", () => open(shown + 1));
dialog.addEventListener("click", (click) => { if (click.target === dialog) dialog.close(); }); // beside it
dialog.addEventListener("keydown", (key) => {
  if (key.key === "ArrowLeft") open(shown - 1);
  if (key.key === "ArrowRight") open(shown + 1);
});
dialog.addEventListener("close", () => {
  gallery.querySelector(`[data-id="${events[shown]?.id}"] a`)?.focus();
});

// --- words ------------------------------------------------------------------------------------------------------------

function name(camera) {
  return names.get(camera) ?? camera;
}

function percent(score) {
  return `${Math.round(100 * score)} %`;
}

function moment(time, long = false) {
  const date = new Date(time);
  const today = date.toDateString() === new Date().toDateString();
  const day = today && !long ? {} : { weekday: "short", month: "short", day: "numeric" };
  return date.toLocaleString([], { ...day, hour: "2-digit", minute: "2-digit", ...(long ? { second: "2-digit" } : {}) });
}

function lasted(event) {
  if (event.duration_s === null) return "still there";
  const seconds = Math.round(event.duration_s);
  return seconds < 120 ? `${seconds} s` : `${Math.round(seconds / 60)} min`;
}

// --- news -------------------------------------------------------------------------------------------------------------

let looking = 0;

/** What began since: said at the top, and not pushed under somebody's eyes. What ended is brought up to date. */
async function look() {
  if (loading || form.until.value) return;
  const asked = round;
  try {
    const query = wanted();
    query.set("limit", PAGE);
    const fresh = (await get(`api/events?${query}`)).events;
    if (asked !== round) return;
    const known = new Map(events.map((event, place) => [event.id, place]));
    for (const event of fresh.filter((one) => known.has(one.id))) {
      const before = events[known.get(event.id)];
      events[known.get(event.id)] = event;
      if (JSON.stringify(before) !== JSON.stringify(event)) {
        describe(gallery.querySelector(`[data-id="${event.id}"]`), event);
      }
    }
    const count = fresh.filter((event) => !known.has(event.id)).length;
    newer.hidden = count === 0;
    newer.textContent = count === 1 ? "1 new event" : `${count === PAGE ? `${PAGE} or more` : count} new events`;
    trouble.hidden = true;
  } catch (error) {
    if (asked === round) complain(error);
  }
}

/** Look soon, once for whatever happens until then. */
function lookSoon() {
  if (looking) return;
  looking = setTimeout(() => { looking = 0; look(); }, SOON_MS);
}

newer.addEventListener("click", () => {
  ask();
  window.scrollTo({ top: 0 });
});
form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("change", () => ask());
for (const button of form.querySelectorAll(".ranges button")) {
  button.addEventListener("click", () => {
    const { hours } = button.dataset;
    form.since.value = hours ? local(new Date(Date.now() - 3600000 * hours)) : "";
    form.until.value = "";
    ask();
  });
}
fill(new URLSearchParams(location.search));
// The address may name one event, as a camera's page does.
ask(false).then(() => open(events.findIndex((event) => event.id === decodeURIComponent(location.hash.slice(1)))));
follow({ happened: lookSoon, bridge: lookSoon }, lookSoon);
