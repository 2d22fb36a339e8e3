// The addresses that Home Assistant takes, ready to copy.

const SHOWN_MS = 2000;
const LOCAL = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

/** Fill in a camera's addresses: as everybody reaches the bridge, else as this browser does. */
export function showAddresses(panel, id) {
  const base = new URL(document.body.dataset.public ? `${document.body.dataset.public}/` : ".", document.baseURI);
  const paths = { live: "stream.mjpg", still: "snapshot.jpg" };
  for (const [kind, name] of Object.entries(paths)) {
    panel.querySelector(`.${kind}`).value = new URL(`cameras/${encodeURIComponent(id)}/${name}`, base).href;
  }
  panel.querySelector(".local-only").hidden = !LOCAL.test(base.hostname);
  for (const row of panel.querySelectorAll(".address")) {
    const field = row.querySelector("input");
    field.addEventListener("focus", () => field.select());
    row.querySelector(".copy").addEventListener("click", (event) => copy(field, event.currentTarget));
  }
  panel.hidden = false;
}

async function copy(field, button) {
  button.textContent = (await copied(field)) ? "Copied" : "Press Ctrl+C";
  setTimeout(() => { button.textContent = "Copy"; }, SHOWN_MS);
}

async function copied(field) {
  try {
    await navigator.clipboard.writeText(field.value);
    return true;
  } catch {
    // Browsers give a page without TLS, which is the usual one at home, no clipboard; the old way still works there.
    field.select();
    return document.execCommand("copy");
  }
}
