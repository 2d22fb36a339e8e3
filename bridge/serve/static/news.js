// Keeps a page as the bridge is: server-sent events tell what changed. Nobody listens for a page that nobody looks at.
//
// A browser opens six connections to a host, for all its windows together. When there is none left to listen with, the
// page asks instead, every two seconds and with one connection at a time, until it is looked at anew.

const FIRST_MS = 6000;
const SILENT_MS = 25000; // the bridge says something at least every 10 s
const AGAIN_MS = 1000;
const POLL_MS = 2000;
const POLL_TIMEOUT_MS = 5000;

const PATHS = { cameras: "api/cameras", bridge: "api/bridge", waiting: "api/waiting" };

/**
 * Follow the bridge's news.
 *
 * @param told     by kind ("cameras", "bridge", "waiting", "happened"): called with what is told
 * @param lost     called when the bridge does not answer; this tries again by itself
 * @param crowded  called when the connections are used up
 * @returns a function that lets the page ask instead of listen: its connection is needed for something else
 */
export function follow(told, lost = () => {}, crowded = () => {}) {
  let source = null;
  let timer = 0;
  let round = 0; // what began in an earlier one ends

  function expect(withinMs, otherwise) {
    clearTimeout(timer);
    timer = setTimeout(otherwise, withinMs);
  }

  function open() {
    close();
    source = new EventSource("api/changes");
    const heard = () => expect(SILENT_MS, () => { lost(); open(); });
    source.addEventListener("still", heard);
    for (const [kind, tell] of Object.entries(told)) {
      source.addEventListener(kind, (message) => {
        heard();
        tell(JSON.parse(message.data));
      });
    }
    // By hand: a browser gives up for good when something else answers for a moment, such as a proxy.
    source.addEventListener("error", () => {
      lost();
      close();
      expect(AGAIN_MS, open);
    });
    expect(FIRST_MS, poll);
  }

  async function poll() {
    close();
    crowded();
    const mine = round;
    while (mine === round) {
      try {
        for (const kind of Object.keys(PATHS).filter((one) => Object.hasOwn(told, one))) {
          const response = await fetch(PATHS[kind], { signal: AbortSignal.timeout(POLL_TIMEOUT_MS), cache: "no-store" });
          if (!response.ok) throw new Error(`HTTP ${response.status}`);
          const answer = await response.json();
          if (mine === round) told[kind](kind === "bridge" ? answer : answer[kind]);
        }
      } catch {
        if (mine === round) lost();
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  function close() {
    round += 1;
    clearTimeout(timer);
    source?.close();
    source = null;
  }

  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  window.addEventListener("pagehide", close);
  window.addEventListener("pageshow", (event) => { if (event.persisted && !document.hidden) open(); });
  if (!document.hidden) open();
  return () => { if (source) poll(); };
}
