// A camera's live picture, which never freezes unnoticed: a stream that stalls or ends is begun again by itself.

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

export class LivePicture {
  /**
   * @param image     the <img> that shows it
   * @param id        of the camera
   * @param onLink    called with "" when a picture came, and with why when none comes; then also with whether the
   *                  stream was never answered: all connections of the browser may be taken
   */
  constructor(image, id, onLink) {
    this.image = image;
    this.id = id;
    this.onLink = onLink;
    this.boxes = true;
    this.mode = null;
    this.running = null; // AbortController of the loop that fetches pictures
    this.receivedAt = 0;
  }

  /** Fetch pictures as "stream" or "snapshots"; null fetches none. */
  run(mode) {
    if (mode === this.mode) return;
    this.mode = mode;
    this.restart();
  }

  /** Show it with boxes, or without. */
  showBoxes(boxes) {
    this.boxes = boxes;
    this.restart();
  }

  restart() {
    this.running?.abort();
    this.running = null;
    if (this.mode) {
      this.running = new AbortController();
      this.loop(this.mode, this.running.signal);
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
        const why = error.status === 503 ? "Too many viewers" : "No picture from the bridge";
        this.onLink(`${why} – trying again`, error.unanswered === true);
      }
      await pause(mode === "stream" ? RETRY_MS : SNAPSHOT_MS, stop);
    }
  }

  address(name) {
    return `cameras/${encodeURIComponent(this.id)}/${name}${this.boxes ? "" : "?boxes=0"}`;
  }

  async stream(stop) {
    const watch = new Watch(stop);
    try {
      const response = await ask(this.address("stream.mjpg"), watch.signal).catch((error) => {
        throw Object.assign(new Error(error.message), { status: error.status, unanswered: error.name === "AbortError" });
      });
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
      const fetchOne = async () => (await ask(this.address("snapshot.jpg"), watch.signal)).blob();
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
      this.onLink("");
    } catch {
      // A damaged picture: the next one comes soon.
    }
    if (before.startsWith("blob:")) URL.revokeObjectURL(before);
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
