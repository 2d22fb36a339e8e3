// Keeps a page as the bridge is: server-sent events tell what changed. Nobody listens for a page that nobody looks at.

const SILENT_MS = 25000; // the bridge says something at least every 10 s
const AGAIN_MS = 1000;

/**
 * Follow the bridge's news.
 *
 * @param told  by kind ("cameras", "bridge", "waiting", "happened"): called with what is told
 * @param lost  called when the bridge does not answer; the page tries again by itself
 */
export function follow(told, lost = () => {}) {
  let source = null;
  let timer = 0;

  function rewind() {
    clearTimeout(timer);
    timer = setTimeout(() => { lost(); again(); }, SILENT_MS);
  }

  function open() {
    source = new EventSource("api/changes");
    source.addEventListener("still", rewind);
    for (const [kind, tell] of Object.entries(told)) {
      source.addEventListener(kind, (message) => {
        rewind();
        tell(JSON.parse(message.data));
      });
    }
    source.addEventListener("error", () => {
      lost();
      again();
    });
    rewind();
  }

  function close() {
    clearTimeout(timer);
    source?.close();
    source = null;
  }

  // By hand: a browser gives up for good when something else answers for a moment, such as a proxy.
  function again() {
    close();
    if (!document.hidden) timer = setTimeout(open, AGAIN_MS);
  }

  document.addEventListener("visibilitychange", () => {
    close();
    if (!document.hidden) open();
  });
  window.addEventListener("pagehide", close);
  window.addEventListener("pageshow", () => { if (!source && !document.hidden) open(); });
  if (!document.hidden) open();
}
