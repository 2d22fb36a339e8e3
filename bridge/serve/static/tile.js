// One camera's tile: its words, and its picture, which never freezes unnoticed.
//
// Whatever a camera is called is text here (textContent), never markup.

import { showAddresses } from "./addresses.js";
import { Controls } from "./controls.js";
import { Firmware } from "./firmware.js";
import { parts } from "./mjpeg.js";

// The bridge sends something at least every 2 s, also for a camera that is gone.
const STALLED_MS = 6000;
const RETRY_MS = 2000;
const SNAPSHOT_MS = 1000;

/** Lets at most `limit` callers in at a time. */
class Gate {
  constructor(limit) {
    this.free = limit;
    this.waiting = [];
  }

  async through(work) {
    if (this.free > 0) this.free -= 1;
    else await new Promise((resolve) => this.waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.waiting.shift();
      if (next) next();
      else this.free += 1;
    }
  }
}

/** Aborts `signal` when nothing came for STALLED_MS, or when `stop` does. */
class Watch {
  constructor(stop) {
    this.stop = stop;
    this.control = new AbortController();
    this.signal = this.control.signal;
    this.abort = () => this.control.abort();
    stop.addEventListener("abort", this.abort);
    this.rewind();
  }

  rewind() {
    clearTimeout(this.timer);
    this.timer = setTimeout(this.abort, STALLED_MS);
  }

  end() {
    clearTimeout(this.timer);
    this.stop.removeEventListener("abort", this.abort);
  }
}

const snapshots = new Gate(3); // browsers open six connections a host; the rest is for the API

export class Tile {
  constructor(element) {
    this.element = element;
    this.id = element.dataset.camera;
    this.image = element.querySelector("img.live");
    this.mode = null;
    this.running = null; // AbortController of the loop that fetches pictures
    this.receivedAt = 0;
    this.controls = new Controls(element.querySelector(".controls"), this.id);
    this.firmware = new Firmware(element.querySelector(".firmware"), this.id);
    showAddresses(element.querySelector(".addresses"), this.id);
  }

  /** Show the camera's state, what is seen and what is set, as the bridge was asked at `askedAt` (performance.now). */
  describe(camera, dial, askedAt) {
    const { element } = this;
    element.dataset.state = camera.state;
    const find = (selector) => element.querySelector(selector);
    find(".name").textContent = camera.name;
    find(".badge").textContent = badge(camera);
    find(".facts").replaceChildren(...facts(camera));
    find(".adapted").hidden = !camera.adaptation?.level;
    find(".adapted").textContent = adapted(camera.adaptation);
    find(".hint").hidden = camera.state !== "waiting";
    find(".hint code").textContent = dial + camera.id;
    this.controls.show(camera, askedAt);
    this.firmware.show(camera);
    this.image.alt = `Live picture of ${camera.name}`;
  }

  /** The bridge does not answer: nothing that was known is claimed any longer. */
  doubt() {
    this.element.dataset.state = "unknown";
    this.element.querySelector(".badge").textContent = "no answer";
    this.element.querySelector(".facts").replaceChildren();
  }

  /** Fetch pictures as "stream" or "snapshots"; null fetches none. */
  run(mode) {
    if (mode === this.mode) return;
    this.mode = mode;
    this.running?.abort();
    this.running = null;
    if (mode) {
      this.running = new AbortController();
      this.loop(mode, this.running.signal);
    }
  }

  /** Whether a picture came within the last `ms`. */
  fresh(ms) {
    return performance.now() - this.receivedAt < ms;
  }

  async loop(mode, stop) {
    while (!stop.aborted) {
      try {
        if (mode === "stream") await this.stream(stop);
        else await this.snapshot(stop);
      } catch (error) {
        if (stop.aborted) return;
        this.lost(error.status === 503 ? "Too many viewers – trying again" : "No picture from the bridge – trying again");
      }
      await pause(mode === "stream" ? RETRY_MS : SNAPSHOT_MS, stop);
    }
  }

  async stream(stop) {
    const watch = new Watch(stop);
    try {
      const response = await ask(`cameras/${this.id}/stream.mjpg`, watch.signal);
      for await (const jpeg of parts(response)) {
        watch.rewind();
        await this.paint(new Blob([jpeg], { type: "image/jpeg" }));
      }
    } finally {
      watch.end();
    }
    throw new Error("the stream ended");
  }

  async snapshot(stop) {
    const watch = new Watch(stop);
    try {
      const fetchOne = async () => (await ask(`cameras/${this.id}/snapshot.jpg`, watch.signal)).blob();
      await this.paint(await snapshots.through(fetchOne));
    } finally {
      watch.end();
    }
  }

  async paint(blob) {
    const before = this.image.src;
    this.image.src = URL.createObjectURL(blob);
    try {
      await this.image.decode();
      this.image.hidden = false;
      this.receivedAt = performance.now();
      this.found();
    } catch {
      // A damaged picture: the next one comes soon.
    }
    if (before.startsWith("blob:")) URL.revokeObjectURL(before);
  }

  found() {
    if (this.element.dataset.link === "lost") {
      delete this.element.dataset.link;
      this.element.querySelector(".message").textContent = "";
    }
  }

  lost(why) {
    this.element.dataset.link = "lost";
    this.element.querySelector(".message").textContent = why;
  }
}

async function ask(url, signal) {
  const response = await fetch(url, { signal, cache: "no-store" });
  if (!response.ok) throw Object.assign(new Error(`HTTP ${response.status}`), { status: response.status });
  return response;
}

function pause(ms, stop) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    stop.addEventListener("abort", () => { clearTimeout(timer); resolve(); }, { once: true });
  });
}

function badge(camera) {
  if (camera.state !== "offline") return camera.state;
  return `offline since ${moment(new Date(camera.last_frame_time))}`;
}

function moment(date) {
  const today = date.toDateString() === new Date().toDateString();
  const day = today ? {} : { month: "short", day: "numeric" };
  return date.toLocaleString([], { ...day, hour: "2-digit", minute: "2-digit" });
}

function facts(camera) {
  const seen = Object.entries(camera.present).map(([label, count]) => chip(count > 1 ? `${label} × ${count}` : label));
  const words = camera.state === "online" ? [`${camera.fps.toFixed(1)} fps`] : [];
  if (camera.controls.detect === false) words.push("detection off");
  return [...words, ...seen];
}

/** Why the camera sends less than it was set to. */
function adapted(adaptation) {
  if (!adaptation?.level) return "";
  return `Sends ${adaptation.settings} for now: ${adaptation.reason}`;
}

function chip(text) {
  const element = document.createElement("span");
  element.className = "chip";
  element.textContent = text;
  return element;
}
