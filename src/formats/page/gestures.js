// Pointer, wheel, keys, buttons and theme, for every page with a map.

import { $, canvas, hooks, pan, redraw, zoom } from "./view.js";

const pointers = new Map();
/** Where the last pointer came down. */
let down = null;

canvas.addEventListener("pointerdown", (event) => {
  canvas.setPointerCapture(event.pointerId);
  down = event;
  pointers.set(event.pointerId, event);
});

canvas.addEventListener("pointermove", (event) => {
  const before = pointers.get(event.pointerId);
  if (!before) return hooks.hover(event.clientX, event.clientY);
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

// A finger cannot hover: it shows a fix by touching it.
canvas.addEventListener("pointerup", ({ pointerType, clientX, clientY }) => {
  const moved = Math.hypot(clientX - down.clientX, clientY - down.clientY);
  if (pointerType !== "mouse" && moved < 8) hooks.hover(clientX, clientY);
});

canvas.addEventListener("pointerleave", ({ pointerType }) => {
  if (pointerType !== "mouse") return;
  $("tip").hidden = true;
  $("pointer").textContent = "";
  hooks.left();
  redraw();
});

canvas.addEventListener("wheel", (event) => {
  event.preventDefault();
  // Some browsers report lines instead of pixels.
  const pixels = event.deltaY * (event.deltaMode === 1 ? 30 : 1);
  zoom(2 ** (-pixels / 300), event.clientX, event.clientY);
}, { passive: false });

canvas.addEventListener("dblclick", ({ clientX, clientY }) => zoom(2, clientX, clientY));

export const keys = {
  "+": () => zoom(1.5),
  "=": () => zoom(1.5),
  "-": () => zoom(1 / 1.5),
  "0": () => hooks.fit(),
  "t": toggleTheme,
  ArrowLeft: () => pan(80, 0),
  ArrowRight: () => pan(-80, 0),
  ArrowUp: () => pan(0, 80),
  ArrowDown: () => pan(0, -80),
};
addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target instanceof HTMLInputElement) return;
  keys[event.key]?.(event);
});

$("in").onclick = keys["+"];
$("out").onclick = keys["-"];
$("fit").onclick = keys["0"];
$("theme").onclick = toggleTheme;

function toggleTheme() {
  setTheme(document.documentElement.dataset.theme === "dark" ? "light" : "dark");
}

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  hooks.themed(theme);
  redraw();
}

/** Follows the theme of the system, until the user chooses another. */
export function startTheme() {
  const darkScheme = matchMedia("(prefers-color-scheme: dark)");
  darkScheme.addEventListener("change", () => setTheme(darkScheme.matches ? "dark" : "light"));
  setTheme(darkScheme.matches ? "dark" : "light");
}

/** Shows lines next to the pointer, the first one bold. */
export function showTip(title, lines, pointerX, pointerY) {
  const tip = $("tip");
  tip.hidden = false;
  tip.replaceChildren(
    Object.assign(document.createElement("b"), { textContent: title }),
    lines.join("\n"),
  );
  tip.style.left = `${Math.min(pointerX + 16, innerWidth - tip.offsetWidth - 8)}px`;
  tip.style.top = `${Math.min(pointerY + 16, innerHeight - tip.offsetHeight - 8)}px`;
}
