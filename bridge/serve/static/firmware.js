// Below a tile: a newer firmware for the camera, and how its update goes; nothing while there is nothing to say.

import { confirmed } from "./confirm.js";

const TIMEOUT_MS = 15000;

export class Firmware {
  constructor(element, id) {
    this.element = element;
    this.id = id;
    this.words = element.querySelector(".words");
    this.bar = element.querySelector("progress");
    this.button = element.querySelector("button");
    this.outcome = element.querySelector(".outcome");
    this.button.addEventListener("click", () => this.install());
  }

  /** Show a camera as the bridge tells of it. */
  show(camera) {
    this.name = camera.name;
    const update = camera.update;
    this.element.hidden = !update || (update.latest === update.installed && update.step === "none" && !update.problem);
    if (this.element.hidden) return;
    this.latest = update.latest;
    const newer = update.latest !== update.installed;
    this.words.textContent = {
      loading: `Firmware ${update.latest}: ${update.percent} %`,
      restarting: `Starts with firmware ${update.latest} …`,
    }[update.step] ?? `Firmware ${update.installed}${newer ? ` → ${update.latest}` : ""}`;
    this.bar.hidden = update.step === "none";
    if (update.step === "loading") this.bar.value = update.percent;
    else this.bar.removeAttribute("value");
    this.button.hidden = !newer || update.step !== "none";
    this.say(update.problem && update.step === "none" ? `The update failed: ${update.problem}` : this.refused ?? "");
  }

  async install() {
    const question = `Update ${this.name} to firmware ${this.latest}? It will be away for half a minute.`;
    if (!await confirmed(question, "Update")) return;
    this.button.disabled = true;
    try {
      const response = await fetch(`api/cameras/${encodeURIComponent(this.id)}/update`, {
        method: "POST",
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      const answer = await response.json();
      this.refused = response.ok ? null : answer.detail;
    } catch {
      this.refused = "the bridge does not answer";
    }
    this.button.disabled = false;
    this.say(this.refused ?? "");
  }

  say(words) {
    this.outcome.textContent = words;
  }
}
