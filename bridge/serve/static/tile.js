// One camera's tile: its words, and its live picture.
//
// Whatever a camera is called is text here (textContent), never markup.

import { showAddresses } from "./addresses.js";
import { Controls } from "./controls.js";
import { Firmware } from "./firmware.js";
import { LivePicture } from "./live.js";
import { adapted, badge, facts } from "./words.js";

export class Tile {
  /** @param crowded  called when this tile's stream is never answered */
  constructor(element, crowded) {
    this.element = element;
    this.id = element.dataset.camera;
    this.image = element.querySelector("img.live");
    this.live = new LivePicture(this.image, this.id, (why, unanswered) => {
      this.link(why);
      if (unanswered) crowded();
    });
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
    this.live.run(mode);
  }

  /** Whether a picture came within the last `ms`. */
  fresh(ms) {
    return this.live.fresh(ms);
  }

  link(why) {
    if (why) this.element.dataset.link = "lost";
    else delete this.element.dataset.link;
    this.element.querySelector(".message").textContent = why;
  }
}
