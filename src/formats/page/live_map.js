// The users on the map of a running consumer: a dot at the last fix of each, which glides there, and a tail behind it.

import {
  $,
  canvas,
  clearSurface,
  color,
  context,
  drawGround,
  drawMoved,
  drawScale,
  eastingAt,
  edges,
  hasMovedFrom,
  hooks,
  instant,
  latitudeAt,
  metresBetween,
  origin,
  place,
  redraw,
  resize,
  setOrigin,
  show,
  size,
  view,
  wrap,
  x,
  y,
} from "./view.js";
import { showTip } from "./gestures.js";

/** Fixes of a tail, and how far it goes back. */
const TAIL = 32;
const TAIL_S = 300;
/** Fixes that are closer in time share a place in the tail, so that it goes back that far. */
const TAIL_STEP_S = TAIL_S / (TAIL - 2);
/** Segments in all tails: more would take longer than a frame. */
const SEGMENTS_MAX = 40_000;
/** Frames of the server are this far apart, so a dot arrives when the next one comes. */
const GLIDE_MS = 250;
/** After a move of the map the tails are only moved with it, and drawn again when it rests. */
const REST_MS = 120;
const TAILS_MS = 4_000;
const NEAR_PX = 20;
/** With more users than this the dots are small squares, which are drawn ten times as fast. */
const ROUND_MAX = 1_500;

const tails = document.createElement("canvas");
const tailsContext = tails.getContext("2d");
const still = matchMedia("(prefers-reduced-motion: reduce)");

/** The users in columns; `ring` is the number of fixes ever added to a tail, whose last TAIL are kept. */
export const users = { count: 0, max: 0, slots: new Map() };
let [ids, times, latitudes, longitudes, movedAt, ring] = [];
let [tailTimes, tailLatitudes, tailLongitudes] = [];
/** The fixes before the last ones: where a glide begins, and what a speed is from. */
let [beforeTimes, beforeLatitudes, beforeLongitudes] = [];
/** The slots of the users by colour. */
const byColor = palette.map(() => []);
/** Of the hovered and the followed user; null: none. */
export const focus = { slot: null, followed: null, pointer: null };
/** The view that the layer of tails shows, and when it was drawn; whether fixes have come since. */
const drawn = { easting: 0, latitude: 0, scale: 0, at: -Infinity, isStale: true };
/** The fixes that came later are not in the layer yet. */
let addedAt = -Infinity;
let viewMovedAt = -Infinity;
let glidesUntil = -Infinity;
let hasFitted = false;
let theme = "light";

/** Makes room for that many users; forgets all. */
export function clearUsers(max) {
  Object.assign(users, { count: 0, max, slots: new Map() });
  [ids, ring] = [new Int32Array(max), new Uint32Array(max)];
  [times, latitudes, longitudes, movedAt] = [0, 0, 0, 0].map(() => new Float64Array(max));
  [tailTimes, tailLatitudes, tailLongitudes] = [0, 0, 0].map(() => new Float64Array(max * TAIL));
  [beforeTimes, beforeLatitudes, beforeLongitudes] = [0, 0, 0].map(() => new Float64Array(max));
  for (const slots of byColor) slots.length = 0;
  Object.assign(focus, { slot: null, followed: null });
  Object.assign(drawn, { scale: 0, isStale: true });
  hasFitted = false;
}

function column(base64, Type) {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = text.charCodeAt(i);
  return new Type(bytes.buffer);
}

/** Takes fixes as they come from last_fixes.ts; `now`: when the glide to them begins. */
export function addFixes(columns, now) {
  const [newIds, newLatitudes, newLongitudes] = ["users", "latitudes", "longitudes"]
    .map((name) => column(columns[name], Int32Array));
  const newTimes = column(columns.times, Float64Array);
  for (let i = 0; i < newIds.length; i++) {
    addFix(newIds[i], newTimes[i], newLatitudes[i] / 1e7, newLongitudes[i] / 1e7, now);
  }
  if (!still.matches && now > 0) glidesUntil = now + GLIDE_MS;
  // Tails that come late are drawn as a whole.
  if (now === -Infinity) drawn.scale = 0;
  drawn.isStale = true;
  if (!hasFitted && users.count > 0) hooks.fit();
  redraw();
}

function addFix(id, time, latitude, longitude, now) {
  let slot = users.slots.get(id);
  if (slot === undefined) {
    if (users.count === users.max) return;
    slot = users.count++;
    users.slots.set(id, slot);
    ids[slot] = id;
    byColor[colorIndex(id)].push(slot);
    beforeTimes[slot] = NaN;
  } else if (
    time < times[slot] ||
    time === times[slot] && latitude === latitudes[slot] && longitude === longitudes[slot]
  ) return;
  else {
    beforeTimes[slot] = times[slot];
    beforeLatitudes[slot] = latitudes[slot];
    beforeLongitudes[slot] = longitudes[slot];
  }
  times[slot] = time;
  latitudes[slot] = latitude;
  longitudes[slot] = longitude;
  movedAt[slot] = now;
  const before = tailAt(slot, 1);
  if (before < 0 || tailTimes[tailAt(slot, 0)] - tailTimes[before] >= TAIL_STEP_S) ring[slot]++;
  const at = slot * TAIL + (ring[slot] - 1) % TAIL;
  [tailTimes[at], tailLatitudes[at], tailLongitudes[at]] = [time, latitude, longitude];
}

/** The index in the tails of a fix of a user, `back` before the last; -1: there is none. */
function tailAt(slot, back) {
  if (back >= Math.min(ring[slot], TAIL)) return -1;
  const at = slot * TAIL + (ring[slot] - 1 - back) % TAIL;
  return times[slot] - tailTimes[at] > TAIL_S ? -1 : at;
}

const east = (longitude) => wrap(longitude - origin.longitude);

/** Where a user is drawn now: on the way from the fix before to the last one. */
function spot(slot, now) {
  const [easting, latitude] = [east(longitudes[slot]), latitudes[slot]];
  const part = (now - movedAt[slot]) / GLIDE_MS;
  if (part >= 1 || now >= glidesUntil || Number.isNaN(beforeTimes[slot])) {
    return [x(easting), y(latitude)];
  }
  const [from, fromLatitude] = [east(beforeLongitudes[slot]), beforeLatitudes[slot]];
  if (Math.abs(easting - from) > 180) return [x(easting), y(latitude)];
  return [x(from + (easting - from) * part), y(fromLatitude + (latitude - fromLatitude) * part)];
}

hooks.frame = (now) => {
  follow();
  const isMoved = hasMovedFrom(drawn);
  const rests = now - viewMovedAt >= REST_MS;
  const isOld = drawn.isStale && now - drawn.at >= TAILS_MS;
  if (drawn.scale === 0 || rests && (isMoved || isOld)) drawTails(now);
  else if (isMoved) setTimeout(redraw, REST_MS);
  else if (drawn.isStale) addToTails();
  drawGround();
  drawMoved(tails, drawn);
  if (focus.slot !== null) strokeTail(context, focus.slot, TAIL, 3);
  drawDots(now);
  for (const slot of [focus.followed, focus.slot]) if (slot !== null) drawRing(slot, now);
  drawScale();
  if (focus.pointer && focus.slot !== null) showUser(focus.slot, ...focus.pointer);
  if (now < glidesUntil) redraw();
};

/** Draws all tails again, without what is too old. */
function drawTails(now) {
  clearSurface(tailsContext);
  const length = Math.max(2, Math.min(TAIL, Math.floor(SEGMENTS_MAX / Math.max(users.count, 1))));
  paintTails((slot) => tailPath(tailsContext, slot, length));
  Object.assign(drawn, view, { at: now, isStale: false });
  addedAt = performance.now();
}

/** Adds the last segment of each user that has moved since. */
function addToTails() {
  paintTails((slot) => {
    const [from, to] = [east(beforeLongitudes[slot]), east(longitudes[slot])];
    if (movedAt[slot] <= addedAt || !(Math.abs(to - from) <= 180)) return;
    if (Number.isNaN(beforeTimes[slot])) return;
    tailsContext.moveTo(x(from), y(beforeLatitudes[slot]));
    tailsContext.lineTo(x(to), y(latitudes[slot]));
  });
  drawn.isStale = false;
  addedAt = performance.now();
}

function paintTails(paint) {
  tailsContext.globalAlpha = 0.45;
  tailsContext.lineWidth = users.count > ROUND_MAX ? 1 : 2;
  byColor.forEach((slots, i) => {
    tailsContext.strokeStyle = palette[i][theme];
    tailsContext.beginPath();
    for (const slot of slots) paint(slot);
    tailsContext.stroke();
  });
}

function strokeTail(context, slot, length, width) {
  context.strokeStyle = colorOf(slot);
  context.lineWidth = width;
  context.beginPath();
  tailPath(context, slot, length);
  context.stroke();
}

function tailPath(context, slot, length) {
  let last = null;
  for (let back = 0; back < length; back++) {
    const at = tailAt(slot, back);
    if (at < 0) return;
    const easting = east(tailLongitudes[at]);
    if (last === null || Math.abs(easting - last) > 180) {
      context.moveTo(x(easting), y(tailLatitudes[at]));
    } else context.lineTo(x(easting), y(tailLatitudes[at]));
    last = easting;
  }
}

const colorOf = (slot) => palette[colorIndex(ids[slot])][theme];

/** A user can have a negative number. */
function colorIndex(id) {
  return (id % palette.length + palette.length) % palette.length;
}

function drawDots(now) {
  const isRound = users.count <= ROUND_MAX;
  const { width, height } = size;
  context.strokeStyle = color("--paper");
  context.lineWidth = 1.5;
  byColor.forEach((slots, i) => {
    context.fillStyle = palette[i][theme];
    if (isRound) context.beginPath();
    for (const slot of slots) {
      const [left, top] = spot(slot, now);
      if (left < -8 || top < -8 || left > width + 8 || top > height + 8) continue;
      if (!isRound) context.fillRect(left - 2, top - 2, 4, 4);
      else {
        context.moveTo(left + 5, top);
        context.arc(left, top, 5, 0, 7);
      }
    }
    if (isRound) {
      context.fill();
      context.stroke();
    }
  });
}

function drawRing(slot, now) {
  const [left, top] = spot(slot, now);
  context.beginPath();
  context.arc(left, top, 10, 0, 7);
  context.strokeStyle = color("--ink");
  context.lineWidth = 2;
  context.stroke();
}

/** Keeps the followed user in the middle. */
function follow() {
  const slot = focus.followed;
  if (slot === null) return;
  const [easting, latitude] = [east(longitudes[slot]), latitudes[slot]];
  if (easting === view.easting && latitude === view.latitude) return;
  // Not pan(), which ends it.
  Object.assign(view, { easting, latitude });
  drawn.isStale = true;
}

/** Follows a user from now on; null: no user. Returns whether that user is known. */
export function followUser(id) {
  const slot = id === null ? null : users.slots.get(id) ?? null;
  focus.followed = slot;
  redraw();
  return slot !== null;
}

export const followed = () => focus.followed === null ? null : ids[focus.followed];

hooks.hover = (pointerX, pointerY) => {
  const now = performance.now();
  let [slot, nearest] = [null, NEAR_PX ** 2];
  for (let i = 0; i < users.count; i++) {
    const [left, top] = spot(i, now);
    const distance = (left - pointerX) ** 2 + (top - pointerY) ** 2;
    if (distance < nearest) [slot, nearest] = [i, distance];
  }
  Object.assign(focus, { slot, pointer: [pointerX, pointerY] });
  $("tip").hidden = slot === null;
  $("pointer").textContent = place(latitudeAt(pointerY), eastingAt(pointerX), 1e-4);
  redraw();
};

function showUser(slot, pointerX, pointerY) {
  const seconds = times[slot] - beforeTimes[slot];
  const [latitude, longitude] = [latitudes[slot], longitudes[slot]];
  const metres = metresBetween(beforeLatitudes[slot], beforeLongitudes[slot], latitude, longitude);
  const speed = seconds > 0 ? [`${(metres / seconds * 3.6).toFixed(1)} km/h`] : [];
  const lines = [
    `${instant(Math.round(times[slot] * 1000))} UTC`,
    ...speed,
    place(latitude, east(longitude), 1e-5),
  ];
  showTip(`user ${ids[slot]}`, lines, pointerX, pointerY);
}

hooks.left = () => Object.assign(focus, { slot: null, pointer: null });

hooks.moved = () => {
  viewMovedAt = performance.now();
  focus.slot = null;
};

/** A click, not a drag, on a user follows that user. */
let pressed = null;
canvas.addEventListener("pointerdown", ({ clientX, clientY }) => pressed = [clientX, clientY]);
canvas.addEventListener("pointerup", ({ clientX, clientY }) => {
  const [fromX, fromY] = pressed ?? [Infinity, Infinity];
  if (Math.hypot(clientX - fromX, clientY - fromY) > 4) return;
  hooks.hover(clientX, clientY);
  if (focus.slot !== null) hooks.chosen(ids[focus.slot]);
});

hooks.themed = (name) => {
  theme = name;
  drawn.scale = 0;
};

hooks.resized = () => {
  resize(tails);
  drawn.scale = 0;
};

/** Shows all users, beside the panel or above it. */
hooks.fit = () => {
  const panel = $("about").getBoundingClientRect();
  const free = size.width > 700 ? { left: panel.right } : { bottom: size.height - panel.top };
  if (users.count === 0) {
    setOrigin(0, 0);
    return show({ latitude: 0, lonSpan: 360, latSpan: 160 }, free);
  }
  hasFitted = true;
  const [west, easternmost] = edges(longitudes.subarray(0, users.count));
  let [south, north] = [90, -90];
  for (let i = 0; i < users.count; i++) {
    south = Math.min(south, latitudes[i]);
    north = Math.max(north, latitudes[i]);
  }
  const latitude = (south + north) / 2;
  setOrigin((west + easternmost) / 2, latitude);
  drawn.scale = 0;
  show({ latitude, lonSpan: easternmost - west, latSpan: north - south }, free);
};
