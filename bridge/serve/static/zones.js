// Zones and masks, drawn over the live picture with the mouse, a finger or the keyboard, and saved.
//
// Points are shares of the picture (0..1), as in the configuration. Corners are buttons: they can be dragged, and moved
// with the arrow keys; a shape without a mouse begins with Enter, as a rectangle.

const SVG = "http://www.w3.org/2000/svg";
const TIMEOUT_MS = 15000;
const SNAP = 0.015; // so near to the picture's edge means the edge
const STEP = 0.01;
const FINE_STEP = 0.002;
const RECTANGLE = [[0.25, 0.25], [0.75, 0.25], [0.75, 0.75], [0.25, 0.75]];
const WORDS = { zone: "Zone", mask: "Mask: nothing is detected", motion: "Mask: no motion is seen" };

export class ZoneEditor {
  constructor(page, id) {
    this.id = id;
    this.stage = page.querySelector(".stage");
    this.drawing = page.querySelector(".shapes");
    this.handles = page.querySelector(".handles");
    this.panel = page.querySelector("#editor");
    this.list = this.panel.querySelector(".list");
    this.hint = this.panel.querySelector(".drawing");
    this.outcome = this.panel.querySelector(".outcome");
    this.saveButton = this.panel.querySelector(".save .yes");
    this.revertButton = this.panel.querySelector(".save .revert");
    this.shapes = []; // {kind, name, labels, points}
    this.saved = "[]"; // as in the configuration
    this.picked = null; // the shape with corners to move
    this.sketch = null; // the shape that is being drawn
    for (const button of this.panel.querySelectorAll(".add button")) {
      button.addEventListener("click", () => this.begin(button.dataset.kind));
      button.addEventListener("keydown", (event) => {
        if (event.key === "Enter" && this.sketch?.kind === button.dataset.kind) {
          event.preventDefault();
          this.finish();
        }
      });
    }
    this.saveButton.addEventListener("click", () => this.save());
    this.revertButton.addEventListener("click", () => this.revert());
    this.stage.addEventListener("click", (event) => this.clicked(event));
    document.addEventListener("keydown", (event) => this.pressed(event));
    window.addEventListener("beforeunload", (event) => { if (this.changed()) event.preventDefault(); });
  }

  // --- the configuration ----------------------------------------------------------------------------------------------

  async load() {
    try {
      const response = await fetch(this.address(), { cache: "no-store", signal: AbortSignal.timeout(TIMEOUT_MS) });
      const answer = await response.json();
      if (!response.ok) throw new Error(answer.detail);
      this.take(answer);
      this.panel.hidden = false;
    } catch (error) {
      this.panel.hidden = false;
      this.panel.querySelector(".add").hidden = true;
      this.say("bad", error.message);
    }
  }

  address() {
    return `api/cameras/${encodeURIComponent(this.id)}/settings`;
  }

  take(settings) {
    this.labels = settings.labels;
    this.shapes = [
      ...Object.entries(settings.zones).map(([name, zone]) => (
        { kind: "zone", name, labels: zone.labels ?? [], points: zone.points }
      )),
      ...settings.masks.map((points) => ({ kind: "mask", points })),
      ...settings.motion.masks.map((points) => ({ kind: "motion", points })),
    ];
    this.saved = JSON.stringify(this.shapes);
    this.picked = this.sketch = null;
    this.build();
  }

  changed() {
    return this.sketch !== null || JSON.stringify(this.shapes) !== this.saved;
  }

  /** What differs from what is configured, as the bridge takes it. */
  change() {
    const before = JSON.parse(this.saved);
    const named = (shapes) => new Map(shapes.filter((one) => one.kind === "zone").map((zone) => [zone.name, zone]));
    const polygons = (shapes, kind) => shapes.filter((one) => one.kind === kind).map((one) => one.points);
    const [zonesBefore, zones] = [named(before), named(this.shapes)];
    const change = {};
    for (const name of zonesBefore.keys()) if (!zones.has(name)) (change.zones ??= {})[name] = null;
    for (const [name, zone] of zones) {
      const was = zonesBefore.get(name);
      if (JSON.stringify(was) === JSON.stringify(zone)) continue;
      const labels = zone.labels.length ? zone.labels : null;
      (change.zones ??= {})[name] = was || labels ? { points: zone.points, labels } : { points: zone.points };
    }
    for (const [kind, put] of [["mask", (masks) => { change.masks = masks; }],
      ["motion", (masks) => { change.motion = { masks }; }]]) {
      const now = polygons(this.shapes, kind);
      if (JSON.stringify(now) !== JSON.stringify(polygons(before, kind))) put(now);
    }
    return change;
  }

  async save() {
    const zones = this.shapes.filter((shape) => shape.kind === "zone");
    if (new Set(zones.map((zone) => zone.name)).size < zones.length) {
      this.say("bad", "two zones have the same name");
      return;
    }
    this.saveButton.disabled = true;
    try {
      const response = await fetch(this.address(), {
        method: "PATCH",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(this.change()),
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      const answer = await response.json();
      if (!response.ok) throw new Error(answer.detail);
      this.take(answer.settings);
      this.say("good", "Saved, and in force.");
    } catch (error) {
      this.say("bad", error.name === "TypeError" ? "the bridge does not answer" : error.message);
    }
    this.mark();
  }

  revert() {
    this.shapes = JSON.parse(this.saved);
    this.picked = this.sketch = null;
    this.say("", "");
    this.build();
  }

  say(how, words) {
    this.outcome.dataset.how = how;
    this.outcome.textContent = words;
  }

  // --- drawing --------------------------------------------------------------------------------------------------------

  begin(kind) {
    this.sketch = { kind, points: [] };
    if (kind === "zone") Object.assign(this.sketch, { name: this.freeName(), labels: [] });
    this.picked = null;
    this.say("", "");
    this.hint.textContent = "Click the corners in the picture, and the first one again at the end. Enter: done, or a "
      + "rectangle to begin with. Esc: give up.";
    this.draw();
    this.stage.scrollIntoView({ block: "nearest" });
  }

  freeName() {
    const taken = new Set(this.shapes.map((shape) => shape.name));
    for (let number = 1; ; number += 1) if (!taken.has(`zone_${number}`)) return `zone_${number}`;
  }

  clicked(event) {
    if (!this.sketch || event.target.closest(".handle")) return;
    this.sketch.points.push(this.at(event));
    this.draw();
  }

  finish() {
    if (!this.sketch) return;
    const shape = this.sketch;
    if (shape.points.length === 0) shape.points = structuredClone(RECTANGLE);
    if (shape.points.length < 3) return;
    this.sketch = null;
    this.shapes.push(shape);
    this.picked = shape;
    this.build();
    if (shape.kind === "zone") this.list.lastElementChild.querySelector("[name=name]").select();
  }

  pressed(event) {
    if (!this.sketch || event.target.closest("input, select, textarea, .add button")) {
      if (event.key === "Escape" && this.sketch) this.giveUp();
      return;
    }
    if (event.key === "Enter") this.finish();
    else if (event.key === "Escape") this.giveUp();
    else if (event.key === "Backspace") this.sketch.points.pop();
    else return;
    event.preventDefault();
    this.draw();
  }

  giveUp() {
    this.sketch = null;
    this.draw();
  }

  /** Where in the picture a pointer is. */
  at(event) {
    const box = this.stage.getBoundingClientRect();
    return [tidy((event.clientX - box.left) / box.width), tidy((event.clientY - box.top) / box.height)];
  }

  // --- what is seen ---------------------------------------------------------------------------------------------------

  showOutlines(shown) {
    this.drawing.classList.toggle("hidden", !shown);
    this.handles.hidden = !shown;
  }

  build() {
    this.list.replaceChildren(...this.shapes.map((shape) => this.row(shape)));
    this.draw();
  }

  row(shape) {
    const row = document.getElementById("shape").content.firstElementChild.cloneNode(true);
    row.dataset.kind = shape.kind;
    const find = (selector) => row.querySelector(selector);
    const pick = () => { this.picked = shape; this.draw(); };
    find(".pick").textContent = WORDS[shape.kind];
    find(".pick").addEventListener("click", () => { this.picked = this.picked === shape ? null : shape; this.draw(); });
    find(".remove").ariaLabel = `Remove: ${shape.name ?? WORDS[shape.kind]}`;
    find(".remove").addEventListener("click", () => {
      this.shapes.splice(this.shapes.indexOf(shape), 1);
      if (this.picked === shape) this.picked = null;
      this.build();
    });
    if (shape.kind !== "zone") {
      find(".name-field").remove();
      find(".labels-field").remove();
      return row;
    }
    const [name, labels] = [find("[name=name]"), find("[name=labels]")];
    name.value = shape.name;
    name.addEventListener("input", () => { shape.name = name.value; this.mark(); });
    name.addEventListener("focus", pick);
    labels.value = shape.labels.join(", ");
    labels.placeholder = (this.labels ?? []).join(", ");
    labels.addEventListener("change", () => {
      shape.labels = labels.value.split(",").map((label) => label.trim()).filter(Boolean);
      this.mark();
    });
    labels.addEventListener("focus", pick);
    return row;
  }

  draw() {
    const shapes = [...this.shapes, ...(this.sketch ? [this.sketch] : [])];
    this.drawing.replaceChildren(...shapes.map((shape) => {
      const line = document.createElementNS(SVG, shape === this.sketch ? "polyline" : "polygon");
      line.setAttribute("points", shape.points.map((point) => point.join(",")).join(" "));
      line.setAttribute("class", `${shape.kind}${shape === (this.sketch ?? this.picked) ? " picked" : ""}`);
      return line;
    }));
    const shape = this.sketch ?? this.picked;
    this.handles.replaceChildren(...(shape ? shape.points.map((_, place) => this.handle(shape, place)) : []));
    if (shape && shape === this.picked) this.handles.append(...shape.points.map((_, place) => this.middle(shape, place)));
    [...this.list.children].forEach((row, place) => {
      const picked = this.shapes[place] === this.picked;
      row.classList.toggle("picked", picked);
      row.querySelector(".pick").ariaPressed = String(picked);
    });
    this.hint.hidden = !this.sketch;
    this.stage.classList.toggle("sketching", this.sketch !== null);
    this.mark();
  }

  mark() {
    const changed = this.changed();
    this.saveButton.disabled = !changed || this.sketch !== null;
    this.revertButton.disabled = !changed;
  }

  handle(shape, place) {
    const [x, y] = shape.points[place];
    const handle = placed(document.createElement("button"), x, y);
    handle.type = "button";
    handle.className = "handle";
    handle.ariaLabel = `Corner ${place + 1} at ${percent(x)} from the left, ${percent(y)} from the top`;
    const move = (point) => {
      shape.points[place] = point;
      placed(handle, ...point);
      this.outline();
      this.mark();
    };
    if (shape === this.sketch) {
      handle.addEventListener("click", () => { if (place === 0) this.finish(); });
      return handle;
    }
    handle.addEventListener("pointerdown", (down) => {
      down.preventDefault();
      handle.focus();
      handle.setPointerCapture(down.pointerId);
      const drag = (event) => move(this.at(event));
      handle.addEventListener("pointermove", drag);
      handle.addEventListener("pointerup", () => {
        handle.removeEventListener("pointermove", drag);
        this.draw();
      }, { once: true });
    });
    handle.addEventListener("keydown", (event) => {
      const step = event.shiftKey ? FINE_STEP : STEP;
      const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
      if (way) move([0, 1].map((axis) => rounded(shape.points[place][axis] + way[axis] * step)));
      else if (event.key === "Delete" && shape.points.length > 3) {
        shape.points.splice(place, 1);
        this.draw();
      } else return;
      event.preventDefault();
    });
    return handle;
  }

  /** Between two corners: a new one. */
  middle(shape, place) {
    const [from, to] = [shape.points[place], shape.points[(place + 1) % shape.points.length]];
    const point = [0, 1].map((axis) => rounded((from[axis] + to[axis]) / 2));
    const middle = placed(document.createElement("button"), ...point);
    middle.type = "button";
    middle.className = "handle middle";
    middle.ariaLabel = `New corner between ${place + 1} and ${(place + 1) % shape.points.length + 1}`;
    middle.addEventListener("click", () => {
      shape.points.splice(place + 1, 0, point);
      this.draw();
      this.handles.children[place + 1].focus();
    });
    return middle;
  }

  outline() {
    const place = this.shapes.indexOf(this.picked);
    const points = this.picked.points.map((point) => point.join(",")).join(" ");
    this.drawing.children[place].setAttribute("points", points);
  }
}

function placed(element, x, y) {
  element.style.left = percent(x);
  element.style.top = percent(y);
  return element;
}

function percent(share) {
  return `${Math.round(share * 1000) / 10}%`;
}

function rounded(share) {
  return Math.round(Math.min(1, Math.max(0, share)) * 1000) / 1000;
}

function tidy(share) {
  if (share < SNAP) return 0;
  return share > 1 - SNAP ? 1 : rounded(share);
}
