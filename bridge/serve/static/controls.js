// What can be set for one camera: a field for each control that it offers, set as soon as it is changed.
//
// A field shows what is in force, never what somebody would like: a value that is refused goes back to what it was.

import { confirmed } from "./confirm.js";

const TIMEOUT_MS = 15000; // the bridge waits 6 s for a camera
const LATER_MS = 1500;

const CONTROLS = {
  detect: { words: "Detection", build: toggle },
  confidence: { words: "Lowest score that counts", build: number },
  flash: { words: "Lamp", build: slider },
  framesize: { words: "Picture size", build: choice },
  quality: { words: "JPEG quality (small is good)", build: number },
  max_fps: { words: "Pictures a second, at most", build: number },
  restart: { words: "Restart the camera", build: push },
};

export class Controls {
  constructor(panel, id) {
    this.panel = panel;
    this.id = id;
    this.form = panel.querySelector("form");
    this.outcome = panel.querySelector(".outcome");
    this.fields = [];
    this.built = "";
    this.values = {}; // in force, as far as is known here
    this.answeredAt = -Infinity;
    this.later = 0;
    this.turn = Promise.resolve(); // one after another, as they were changed
    this.form.addEventListener("submit", (event) => event.preventDefault());
  }

  /**
   * Show a camera as the bridge was asked for it at `askedAt`. What was asked before the last change may be older than
   * that one: it is shown a moment later, unless something newer comes until then.
   */
  show(camera, askedAt) {
    clearTimeout(this.later);
    if (askedAt < this.answeredAt) {
      this.later = setTimeout(() => this.show(camera, Infinity), LATER_MS);
      return;
    }
    this.name = camera.name;
    this.values = camera.controls;
    const built = JSON.stringify([camera.offers, camera.framesizes, camera.ranges]);
    if (built !== this.built) this.build(camera);
    this.built = built;
    for (const field of this.fields) if (!field.held) field.show(this.values[field.name]);
  }

  build(camera) {
    const known = camera.offers.filter((name) => Object.hasOwn(CONTROLS, name));
    this.fields = known.map((name) => {
      const { words, build } = CONTROLS[name];
      return { name, words, held: false, ...build(words, camera, camera.ranges[name] ?? {}) };
    });
    for (const field of this.fields) this.listen(field);
    this.form.replaceChildren(...this.fields.map((field) => field.row));
    this.panel.hidden = known.length === 0;
  }

  listen(field) {
    const { input } = field;
    if (field.name === "restart") {
      input.addEventListener("click", () => this.restart(field));
      return;
    }
    // What somebody is typing or dragging is not overwritten meanwhile.
    input.addEventListener("input", () => { field.held = true; });
    input.addEventListener("blur", () => { field.held = field.row.ariaBusy === "true"; });
    input.addEventListener("change", () => this.change(field, field.value()));
  }

  async restart(field) {
    if (await confirmed(`Restart ${this.name}? It will be away for some seconds.`, "Restart")) this.change(field, true);
  }

  change(field, value) {
    field.held = true;
    field.row.ariaBusy = "true";
    this.turn = this.turn.then(async () => {
      const camera = await this.send(field, value);
      field.row.ariaBusy = null;
      field.held = false;
      this.answeredAt = performance.now();
      if (camera) this.show(camera, this.answeredAt);
      else field.show(this.values[field.name]);
    });
  }

  /** Set it; tells how it went, and gives the camera as it is now, or null when it is as it was. */
  async send(field, value) {
    this.say("", "");
    try {
      const response = await ask(this.id, { [field.name]: value });
      const answer = await response.json();
      if (response.ok) {
        this.say("good", `${field.words}: done`);
        return answer;
      }
      this.say("bad", `${field.words}: ${answer.detail}`);
    } catch {
      this.say("bad", `${field.words}: the bridge does not answer`);
    }
    return null;
  }

  say(how, words) {
    this.outcome.dataset.how = how;
    this.outcome.textContent = words;
  }
}

function ask(id, controls) {
  return fetch(`api/cameras/${encodeURIComponent(id)}`, {
    method: "PATCH",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ controls }),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
}

// --- fields: the row with its words, the element, what is shown in it and what is read from it --------------------

function row(words, input) {
  const label = document.createElement("label");
  const name = document.createElement("span");
  name.textContent = words;
  label.append(name, input);
  return label;
}

function element(tag, attributes) {
  return Object.assign(document.createElement(tag), attributes);
}

function toggle(words) {
  const input = element("input", { type: "checkbox", role: "switch" });
  return {
    row: row(words, input),
    input,
    show: (value) => { input.checked = value === true; },
    value: () => input.checked,
  };
}

function numeric(words, type, range) {
  const input = element("input", { type, min: range.min ?? "", max: range.max ?? "", step: range.step ?? "any" });
  return {
    row: row(words, input),
    input,
    show: (value) => { input.value = value ?? ""; },
    // Empty, or no number: the bridge says what it takes.
    value: () => (Number.isFinite(input.valueAsNumber) ? input.valueAsNumber : input.value),
  };
}

function number(words, _camera, range) {
  return numeric(words, "number", range);
}

function slider(words, _camera, range) {
  const field = numeric(words, "range", range);
  return { ...field, show: (value) => field.show(value ?? 0) };
}

function choice(words, camera) {
  const input = document.createElement("select");
  return {
    row: row(words, input),
    input,
    show: (value) => {
      // A size that the camera has but never named, or none that is known, is shown all the same.
      const names = camera.framesizes.includes(value) ? camera.framesizes : [value ?? "", ...camera.framesizes];
      const options = names.map((name) => new Option(name, name, false, name === (value ?? "")));
      if (names.length !== input.length || input.value !== (value ?? "")) input.replaceChildren(...options);
    },
    value: () => input.value,
  };
}

function push(words) {
  const input = element("button", { type: "button", textContent: words });
  const held = document.createElement("div");
  held.append(input);
  return { row: held, input, show: () => {}, value: () => true };
}
