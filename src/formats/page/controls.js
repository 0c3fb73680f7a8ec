// The window around the canvas: pointer, keys, buttons, legend.

import {
  $,
  asideAt,
  asides,
  canvas,
  chunks,
  count,
  degrees,
  drawn,
  fit,
  focus,
  latitudeAt,
  latitudes,
  metresBefore,
  middle,
  pan,
  redraw,
  sheet,
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
  if (!before) return look(event.clientX, event.clientY);
  const other = [...pointers.values()].find(({ pointerId }) => pointerId !== event.pointerId);
  pointers.set(event.pointerId, event);
  if (!other) return pan(event.clientX - before.clientX, event.clientY - before.clientY);
  const gap = ({ clientX, clientY }) =>
    Math.hypot(clientX - other.clientX, clientY - other.clientY);
  const [midX, midY] = [
    (event.clientX + other.clientX) / 2,
    (event.clientY + other.clientY) / 2,
  ];
  pan((event.clientX - before.clientX) / 2, (event.clientY - before.clientY) / 2);
  zoom(gap(event) / Math.max(gap(before), 1), midX, midY);
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

/** Tells of the fix that is next to a place of the window, if one is near. */
function look(atX, atY) {
  let [track, fix, least] = [null, null, 20 ** 2];
  for (const chunk of chunks) {
    const { from, to, west, east, south, north } = chunk;
    const away = x(west) > atX + 20 || x(east) < atX - 20 || y(north) > atY + 20 ||
      y(south) < atY - 20;
    if (away || !chunk.track.shown) continue;
    for (let i = from; i < to; i++) {
      const distance = (x(asides[i]) - atX) ** 2 + (y(latitudes[i]) - atY) ** 2;
      if (distance < least) [track, fix, least] = [chunk.track, i, distance];
    }
  }
  Object.assign(focus, { track, fix });
  $("tip").hidden = fix === null;
  $("pointer").textContent = place(latitudeAt(atY), asideAt(atX), 1e-4);
  if (fix !== null) tell(atX, atY);
  redraw();
}

function tell(atX, atY) {
  const { track, fix: i } = focus;
  const isFirst = track.segments.some(({ start }) => start === i);
  const seconds = isFirst ? 0 : Math.abs(times[i] - times[i - 1]) / 1000;
  const speed = seconds > 0 ? `\n${(metresBefore(i) / seconds * 3.6).toFixed(1)} km/h` : "";
  const tip = $("tip");
  tip.replaceChildren(
    Object.assign(document.createElement("b"), { textContent: `user ${track.user}` }),
    `${instant(times[i])} UTC${speed}\n${place(latitudes[i], asides[i], 1e-7)}`,
  );
  tip.style.left = `${Math.min(atX + 16, size.width - tip.offsetWidth - 8)}px`;
  tip.style.top = `${Math.min(atY + 16, size.height - tip.offsetHeight - 8)}px`;
}

function place(latitude, aside, step) {
  return `${degrees(latitude, "NS", step)} ${degrees(aside + middle, "EW", step)}`;
}

function instant(ms) {
  const date = new Date(ms);
  return Number.isNaN(date.getTime())
    ? `${ms / 1000} s`
    : date.toISOString().replace("T", " ").replace(/(\.000)?Z$/, "");
}

canvas.addEventListener("wheel", (event) => {
  event.preventDefault();
  // Lines rather than pixels on some machines.
  const pixels = event.deltaY * (event.deltaMode === 1 ? 30 : 1);
  zoom(2 ** (-pixels / 300), event.clientX, event.clientY);
}, { passive: false });

canvas.addEventListener("dblclick", ({ clientX, clientY }) => zoom(2, clientX, clientY));

const keys = {
  "+": () => zoom(1.5),
  "=": () => zoom(1.5),
  "-": () => zoom(1 / 1.5),
  "0": fit,
  "t": turnTheme,
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
$("theme").onclick = turnTheme;

function turnTheme() {
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

/** A click shows or hides a user, with Shift that user alone. */
function choose(track, isAlone) {
  const onlyThis = tracks.every(({ shown }, i) => shown === (tracks[i] === track));
  for (const other of tracks) {
    if (isAlone) other.shown = onlyThis || other === track;
    else if (other === track) other.shown = !other.shown;
    other.button.setAttribute("aria-pressed", other.shown);
  }
  drawn.scale = 0;
  redraw();
}

const grouped = (number) => String(number).replace(/\B(?=(\d{3})+$)/g, " ");

function buildLegend() {
  for (const track of tracks) {
    const button = document.createElement("button");
    const fixes = track.segments.reduce((sum, { start, end }) => sum + end - start, 0);
    const [swatch, name, length] = ["i", "span", "small"].map((tag) => document.createElement(tag));
    name.textContent = `user ${track.user}`;
    length.textContent = `${(track.metres / 1000).toFixed(1)} km`;
    button.title = `${grouped(fixes)} fixes; click: show or hide, with Shift: this one alone`;
    button.setAttribute("aria-pressed", "true");
    button.append(swatch, name, length);
    button.onclick = ({ shiftKey }) => choose(track, shiftKey);
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
  const plural = (number, one, many) => `${grouped(number)} ${number === 1 ? one : many}`;
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
  for (const surface of [canvas, sheet]) {
    surface.width = Math.round(width * ratio);
    surface.height = Math.round(height * ratio);
  }
  drawn.scale = 0;
  redraw();
}

const night = matchMedia("(prefers-color-scheme: dark)");
night.addEventListener("change", () => setTheme(night.matches ? "dark" : "light"));
addEventListener("resize", resize);
buildLegend();
setTheme(night.matches ? "dark" : "light");
resize();
fit();
