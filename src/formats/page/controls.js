// Pointer, keys, buttons and legend.

import {
  $,
  canvas,
  chunks,
  count,
  degrees,
  drawn,
  eastingAt,
  eastings,
  fit,
  focus,
  latitudeAt,
  latitudes,
  layer,
  metresBefore,
  middle,
  pan,
  redraw,
  size,
  times,
  tracks,
  x,
  y,
  zoom,
} from "./page.js";

const pointers = new Map();

canvas.addEventListener("pointerdown", (event) => {
  canvas.setPointerCapture(event.pointerId);
  pointers.set(event.pointerId, event);
});

canvas.addEventListener("pointermove", (event) => {
  const before = pointers.get(event.pointerId);
  if (!before) return hover(event.clientX, event.clientY);
  const other = [...pointers.values()].find(({ pointerId }) => pointerId !== event.pointerId);
  pointers.set(event.pointerId, event);
  if (!other) return pan(event.clientX - before.clientX, event.clientY - before.clientY);
  const distance = ({ clientX, clientY }) =>
    Math.hypot(clientX - other.clientX, clientY - other.clientY);
  const [midX, midY] = [
    (event.clientX + other.clientX) / 2,
    (event.clientY + other.clientY) / 2,
  ];
  pan((event.clientX - before.clientX) / 2, (event.clientY - before.clientY) / 2);
  zoom(distance(event) / Math.max(distance(before), 1), midX, midY);
});

for (const end of ["pointerup", "pointercancel"]) {
  canvas.addEventListener(end, ({ pointerId }) => pointers.delete(pointerId));
}

canvas.addEventListener("pointerleave", () => {
  Object.assign(focus, { track: null, fix: null });
  $("tip").hidden = true;
  $("pointer").textContent = "";
  redraw();
});

/** Shows the fix that is nearest to the pointer, within 20 pixels. */
function hover(pointerX, pointerY) {
  let [track, fix, nearest] = [null, null, 20 ** 2];
  for (const chunk of chunks) {
    const { from, to, west, east, south, north } = chunk;
    const isFar = x(west) > pointerX + 20 || x(east) < pointerX - 20 || y(north) > pointerY + 20 ||
      y(south) < pointerY - 20;
    if (isFar || !chunk.track.isVisible) continue;
    for (let i = from; i < to; i++) {
      const distance = (x(eastings[i]) - pointerX) ** 2 + (y(latitudes[i]) - pointerY) ** 2;
      if (distance < nearest) [track, fix, nearest] = [chunk.track, i, distance];
    }
  }
  Object.assign(focus, { track, fix });
  $("tip").hidden = fix === null;
  $("pointer").textContent = place(latitudeAt(pointerY), eastingAt(pointerX), 1e-4);
  if (fix !== null) showTip(pointerX, pointerY);
  redraw();
}

function showTip(pointerX, pointerY) {
  const { track, fix: i } = focus;
  const isFirst = track.segments.some(({ start }) => start === i);
  const seconds = isFirst ? 0 : Math.abs(times[i] - times[i - 1]) / 1000;
  const speed = seconds > 0 ? `\n${(metresBefore(i) / seconds * 3.6).toFixed(1)} km/h` : "";
  const tip = $("tip");
  tip.replaceChildren(
    Object.assign(document.createElement("b"), { textContent: `user ${track.user}` }),
    `${instant(times[i])} UTC${speed}\n${place(latitudes[i], eastings[i], 1e-7)}`,
  );
  tip.style.left = `${Math.min(pointerX + 16, size.width - tip.offsetWidth - 8)}px`;
  tip.style.top = `${Math.min(pointerY + 16, size.height - tip.offsetHeight - 8)}px`;
}

function place(latitude, easting, step) {
  return `${degrees(latitude, "NS", step)} ${degrees(easting + middle, "EW", step)}`;
}

function instant(ms) {
  const date = new Date(ms);
  return Number.isNaN(date.getTime())
    ? `${ms / 1000} s`
    : date.toISOString().replace("T", " ").replace(/(\.000)?Z$/, "");
}

canvas.addEventListener("wheel", (event) => {
  event.preventDefault();
  // Some browsers report lines instead of pixels.
  const pixels = event.deltaY * (event.deltaMode === 1 ? 30 : 1);
  zoom(2 ** (-pixels / 300), event.clientX, event.clientY);
}, { passive: false });

canvas.addEventListener("dblclick", ({ clientX, clientY }) => zoom(2, clientX, clientY));

const keys = {
  "+": () => zoom(1.5),
  "=": () => zoom(1.5),
  "-": () => zoom(1 / 1.5),
  "0": fit,
  "t": toggleTheme,
  ArrowLeft: () => pan(80, 0),
  ArrowRight: () => pan(-80, 0),
  ArrowUp: () => pan(0, 80),
  ArrowDown: () => pan(0, -80),
};
addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  keys[event.key]?.();
});

$("in").onclick = keys["+"];
$("out").onclick = keys["-"];
$("fit").onclick = fit;
$("theme").onclick = toggleTheme;

function toggleTheme() {
  setTheme(document.documentElement.dataset.theme === "dark" ? "light" : "dark");
}

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  tracks.forEach((track, i) => {
    track.color = palette[i % palette.length][theme];
    if (track.swatch) track.swatch.style.background = track.color;
  });
  drawn.scale = 0;
  redraw();
}

/** Shows or hides a user; with Shift, shows only that user, or everyone again. */
function toggle(track, isAlone) {
  const isOnlyVisible = tracks.every(({ isVisible }, i) => isVisible === (tracks[i] === track));
  for (const other of tracks) {
    if (isAlone) other.isVisible = isOnlyVisible || other === track;
    else if (other === track) other.isVisible = !other.isVisible;
    other.button.setAttribute("aria-pressed", other.isVisible);
  }
  drawn.scale = 0;
  redraw();
}

const groupDigits = (number) => String(number).replace(/\B(?=(\d{3})+$)/g, " ");

function buildLegend() {
  for (const track of tracks) {
    const button = document.createElement("button");
    const fixes = track.segments.reduce((sum, { start, end }) => sum + end - start, 0);
    const [swatch, name, length] = ["i", "span", "small"].map((tag) => document.createElement(tag));
    name.textContent = `user ${track.user}`;
    length.textContent = `${(track.metres / 1000).toFixed(1)} km`;
    button.title = `${groupDigits(fixes)} fixes; click: show or hide; Shift-click: only this user`;
    button.setAttribute("aria-pressed", "true");
    button.append(swatch, name, length);
    button.onclick = ({ shiftKey }) => toggle(track, shiftKey);
    button.onpointerenter = () => {
      focus.track = track;
      redraw();
    };
    button.onpointerleave = () => {
      focus.track = null;
      redraw();
    };
    Object.assign(track, { swatch, button });
    $("legend").append(button);
  }
  const plural = (number, one, many) => `${groupDigits(number)} ${number === 1 ? one : many}`;
  const [first, last] = [Infinity, -Infinity].map((start) =>
    times.reduce((a, b) => start > 0 ? Math.min(a, b) : Math.max(a, b), start)
  );
  $("summary").textContent = count === 0
    ? "no fixes"
    : `${plural(count, "fix", "fixes")} of ${plural(tracks.length, "user", "users")}\n` +
      `${instant(first).slice(0, 16)} UTC\nto ${instant(last).slice(0, 16)} UTC`;
}

function resize() {
  const [width, height, ratio] = [innerWidth, innerHeight, devicePixelRatio || 1];
  Object.assign(size, { width, height, ratio });
  for (const surface of [canvas, layer]) {
    surface.width = Math.round(width * ratio);
    surface.height = Math.round(height * ratio);
  }
  drawn.scale = 0;
  redraw();
}

const darkScheme = matchMedia("(prefers-color-scheme: dark)");
darkScheme.addEventListener("change", () => setTheme(darkScheme.matches ? "dark" : "light"));
addEventListener("resize", resize);
buildLegend();
setTheme(darkScheme.matches ? "dark" : "light");
resize();
fit();
