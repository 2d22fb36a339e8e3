// Cameras that came by themselves: shown with a picture until somebody approves or dismisses them.

const TIMEOUT_MS = 5000;

const section = document.getElementById("waiting");
const list = section.querySelector(".guests");
const guests = new Map();

async function ask(path, options = {}) {
  const response = await fetch(path, { signal: AbortSignal.timeout(TIMEOUT_MS), cache: "no-store", ...options });
  const body = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(body.detail || `HTTP ${response.status}`);
  return body;
}

/** "espcam_a1b2c3" is nobody's name for a camera; "front_door" may be. */
function proposed(id) {
  const words = id.replaceAll("_", " ");
  return id.startsWith("espcam_") ? "" : words.charAt(0).toUpperCase() + words.slice(1);
}

function build(guest) {
  const element = document.getElementById("guest").content.firstElementChild.cloneNode(true);
  element.dataset.camera = guest.id;
  element.querySelector(".id").textContent = guest.id;
  const name = element.querySelector("input");
  name.value = proposed(guest.id);
  name.placeholder = "Front door";
  const act = async (path, body, done) => {
    const outcome = element.querySelector(".outcome");
    element.querySelectorAll("button").forEach((button) => { button.disabled = true; });
    try {
      await ask(path, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(body),
      });
      outcome.textContent = done;
    } catch (error) {
      outcome.textContent = error.message;
      element.querySelectorAll("button").forEach((button) => { button.disabled = false; });
    }
  };
  const base = encodeURIComponent(guest.id);
  element.querySelector("form").addEventListener("submit", (event) => {
    event.preventDefault();
    act(`api/cameras/${base}/approve`, { name: name.value }, "Approved: it comes in within ten seconds.");
  });
  element.querySelector(".dismiss").addEventListener("click", () => {
    act(`api/waiting/${base}/dismiss`, {}, "Dismissed.");
  });
  return element;
}

function describe(element, guest) {
  element.querySelector(".facts").textContent =
    [guest.board, guest.version && `firmware ${guest.version}`, guest.address, guest.mac].filter(Boolean).join(" · ");
  const warning = element.querySelector(".warning");
  warning.hidden = !guest.another_key && guest.has_key;
  warning.textContent = guest.another_key
    ? "A camera of this name was approved with another key. Approve it only if you replaced the board or erased it."
    : "It shows no key: whoever takes its name in your network can come in its place.";
  const image = element.querySelector("img");
  if (guest.has_picture) {
    image.src = `api/waiting/${encodeURIComponent(guest.id)}/snapshot.jpg?at=${Math.floor(Date.now() / 10000)}`;
    image.hidden = false;
  }
}

/** Show everybody who waits, as the bridge tells of them. */
export function showWaiting(waiting) {
  for (const [id, element] of guests) {
    if (waiting.some((guest) => guest.id === id)) continue;
    element.remove();
    guests.delete(id);
  }
  for (const guest of waiting) {
    if (!guests.has(guest.id)) {
      guests.set(guest.id, build(guest));
      list.append(guests.get(guest.id));
    }
    describe(guests.get(guest.id), guest);
  }
  section.hidden = guests.size === 0;
}
