// Reads a multipart/x-mixed-replace response of the bridge, whose parts always carry Content-Length.
//
// Why not <img src="….mjpg">: such an element tells nobody when its stream has ended or stalled, and shows the last
// picture for ever, as if it were live.

const HEAD_END = [13, 10, 13, 10]; // an empty line

/** Yields every part's bytes as they arrive; returns when the stream ends. */
export async function* parts(response) {
  const reader = response.body.getReader();
  let held = new Uint8Array(0);
  try {
    for (;;) {
      const found = cut(held);
      if (found) {
        held = found.rest;
        yield found.body;
        continue;
      }
      const { done, value } = await reader.read();
      if (done) return;
      held = joined(held, value);
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

function cut(held) {
  const end = indexOf(held, HEAD_END);
  if (end < 0) return null;
  const head = new TextDecoder().decode(held.subarray(0, end));
  const length = /^content-length: *(\d+)/im.exec(head);
  if (!length) throw new Error("a part without Content-Length");
  const start = end + HEAD_END.length;
  const stop = start + Number(length[1]);
  return held.length < stop ? null : { body: held.slice(start, stop), rest: held.slice(stop) };
}

function joined(first, second) {
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}

function indexOf(bytes, wanted) {
  for (let at = bytes.indexOf(wanted[0]); at >= 0; at = bytes.indexOf(wanted[0], at + 1)) {
    if (wanted.every((byte, offset) => bytes[at + offset] === byte)) return at;
  }
  return -1;
}
