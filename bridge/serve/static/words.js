// What is known of a camera, in words for people.

export function badge(camera) {
  if (camera.state !== "offline") return camera.state;
  return `offline since ${moment(new Date(camera.last_frame_time))}`;
}

export function moment(date) {
  const today = date.toDateString() === new Date().toDateString();
  const day = today ? {} : { month: "short", day: "numeric" };
  return date.toLocaleString([], { ...day, hour: "2-digit", minute: "2-digit" });
}

export function facts(camera) {
  const seen = Object.entries(camera.present).map(([label, count]) => chip(count > 1 ? `${label} × ${count}` : label));
  const words = camera.state === "online" ? [`${camera.fps.toFixed(1)} fps`] : [];
  if (camera.controls.detect === false) words.push("detection off");
  return [...words, ...seen];
}

/** Why the camera sends less than it was set to. */
export function adapted(adaptation) {
  if (!adaptation?.level) return "";
  return `Sends ${adaptation.settings} for now: ${adaptation.reason}`;
}

function chip(text) {
  const element = document.createElement("span");
  element.className = "chip";
  element.textContent = text;
  return element;
}
