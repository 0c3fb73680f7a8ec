// The view of the Earth on the canvas, which the pages of tracks and of a running consumer share, with graticule and scale
// bar: plate carrée, true to scale in the middle of the data; over `tiles`, which come with the page, Web Mercator like
// theirs. A page fills in `hooks`.

import { drawCoasts } from "./coasts.js";
import { drawTiles } from "./tiles.js";

const EARTH_RADIUS_M = 6371008.8;
const RADIANS = Math.PI / 180;
const METRES_PER_DEGREE = EARTH_RADIUS_M * RADIANS;

export const $ = (id) => document.getElementById(id);
export const canvas = $("map");
export const context = canvas.getContext("2d");

/** What differs between pages. */
export const hooks = {
  /** Draws a frame. */
  frame() {},
  moved() {},
  /** The user has dragged the map. */
  panned() {},
  resized() {},
  /** The pointer is there, and not pressed. */
  hover() {},
  left() {},
  /** The theme is "light" or "dark" now. */
  themed() {},
  fit() {},
};

/** The longitude in the middle of the data, and how much shorter a degree of longitude is drawn there. */
export const origin = { longitude: 0, ratio: 1 };
export const size = { width: 0, height: 0, ratio: 1 };
/** The centre of the window, and pixels per degree: of latitude; in Web Mercator, of longitude. */
export const view = { easting: 0, latitude: 0, scale: 1 };
let pending = 0;

/** Web Mercator is a square: 180 of its degrees from the equator to this latitude. */
const LATITUDE_MAX = tiles ? Math.atan(Math.sinh(Math.PI)) / RADIANS : 90;

/** How far north a latitude is drawn, in degrees of the projection, and the reverse. */
const northOf = tiles
  ? (latitude) => {
    const inside = Math.max(-LATITUDE_MAX, Math.min(LATITUDE_MAX, latitude));
    return Math.asinh(Math.tan(inside * RADIANS)) / RADIANS;
  }
  : (latitude) => latitude;
const latitudeOf = tiles
  ? (north) => Math.atan(Math.sinh(north * RADIANS)) / RADIANS
  : (north) => north;
/** Of the centre: kept, because each fix is drawn relative to it. */
const middle = { latitude: 0, north: 0 };
function middleNorth() {
  if (middle.latitude !== view.latitude) {
    Object.assign(middle, { latitude: view.latitude, north: northOf(view.latitude) });
  }
  return middle.north;
}

export const x = (easting) => size.width / 2 + (easting - view.easting) * origin.ratio * view.scale;
export const yOf = (north) => size.height / 2 - (north - middleNorth()) * view.scale;
export const y = (latitude) => yOf(northOf(latitude));
export const eastingAt = (x) => view.easting + (x - size.width / 2) / origin.ratio / view.scale;
export const northAt = (y) => middleNorth() - (y - size.height / 2) / view.scale;
export const latitudeAt = (y) => latitudeOf(northAt(y));

export function wrap(degrees) {
  return degrees > 180 ? degrees - 360 : degrees < -180 ? degrees + 360 : degrees;
}

/** Puts the origin in the middle of a box; near a pole all longitudes are almost in one place. */
export function setOrigin(longitude, latitude) {
  origin.longitude = longitude;
  origin.ratio = tiles ? 1 : Math.max(0.02, Math.cos(latitude * RADIANS));
}

/** The western and eastern edge of longitudes, the shorter way around; the eastern one can exceed 180. */
export function edges(longitudes) {
  let [west, east, lowEast, highWest] = [180, -180, 360, -360];
  for (let i = 0; i < longitudes.length; i++) {
    const longitude = longitudes[i];
    if (longitude < west) west = longitude;
    if (longitude > east) east = longitude;
    if (longitude >= 0) lowEast = Math.min(lowEast, longitude);
    else highWest = Math.max(highWest, longitude);
  }
  return lowEast <= 180 && highWest >= -180 && 360 - lowEast + highWest < east - west
    ? [lowEast, highWest + 360]
    : [west, east];
}

/** The haversine distance between two places, in metres. */
export function metresBetween(latitude, longitude, toLatitude, toLongitude) {
  const [a, b] = [latitude * RADIANS, toLatitude * RADIANS];
  const h = Math.sin((b - a) / 2) ** 2 +
    Math.cos(a) * Math.cos(b) * Math.sin((toLongitude - longitude) * RADIANS / 2) ** 2;
  return 2 * EARTH_RADIUS_M * Math.asin(Math.min(1, Math.sqrt(h)));
}

export function redraw() {
  pending ||= requestAnimationFrame((now) => {
    pending = 0;
    hooks.frame(now);
  });
}

/** Empties a canvas of the size of the window. */
export function clearSurface(context) {
  const { width, height, ratio } = size;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
}

/** Whether the window shows another view than the one that was drawn. */
export function hasMovedFrom(drawn) {
  return ["easting", "latitude", "scale"].some((name) => view[name] !== drawn[name]);
}

/** Shows a surface on which another view was drawn. */
export function drawMoved(surface, drawn) {
  const { width, height } = size;
  const zoom = view.scale / drawn.scale;
  context.drawImage(
    surface,
    x(drawn.easting) - width / 2 * zoom,
    y(drawn.latitude) - height / 2 * zoom,
    width * zoom,
    height * zoom,
  );
}

/** Empties the canvas and draws what lies behind the data. */
export function drawGround() {
  clearSurface(context);
  context.lineWidth = 1;
  // Tiles hide the coasts, which are less exact; where none arrives they remain.
  context.strokeStyle = color("--coast");
  drawCoasts();
  drawTiles();
  drawGraticule();
}

function drawGraticule() {
  const step = niceBelow(170 / origin.ratio / view.scale);
  context.strokeStyle = color(tiles ? "--coast" : "--grid");
  const labels = [];
  context.font = "11px ui-sans-serif, system-ui, 'DejaVu Sans', sans-serif";
  context.beginPath();
  const [west, east] = [0, size.width].map((at) => eastingAt(at) + origin.longitude);
  for (let at = Math.ceil(west / step); at <= east / step; at++) {
    const line = Math.round(x(at * step - origin.longitude)) + 0.5;
    context.moveTo(line, 0);
    context.lineTo(line, size.height);
    labels.push([degrees(at * step, "EW", step), line + 4, size.height - 44]);
  }
  const south = Math.max(latitudeAt(size.height), -LATITUDE_MAX);
  const north = Math.min(latitudeAt(0), LATITUDE_MAX);
  for (let at = Math.ceil(south / step); at <= north / step; at++) {
    const line = Math.round(y(at * step)) + 0.5;
    context.moveTo(0, line);
    context.lineTo(size.width, line);
    labels.push([degrees(at * step, "NS", step), size.width - 108, line - 4]);
  }
  context.stroke();
  context.fillStyle = color("--soft");
  context.strokeStyle = color("--paper");
  context.lineWidth = 3;
  context.lineJoin = "round";
  for (const label of labels) {
    if (tiles) context.strokeText(...label);
    context.fillText(...label);
  }
}

/** Metres in a pixel, in the middle of the window. */
export function metresPerPixel() {
  return METRES_PER_DEGREE / view.scale * Math.max(Math.cos(view.latitude * RADIANS), 0.02) /
    origin.ratio;
}

export function drawScale() {
  const metres = metresPerPixel();
  const length = niceBelow(metres * 160);
  const [bar, text] = $("scale").children;
  bar.style.width = `${length / metres}px`;
  text.textContent = length < 1000 ? `${rounded(length)} m` : `${rounded(length / 1000)} km`;
}

function niceBelow(most) {
  const power = 10 ** Math.floor(Math.log10(most));
  return ([5, 2].find((factor) => factor * power <= most) ?? 1) * power;
}

const rounded = (value) => String(Number(value.toPrecision(6)));

function degrees(value, [positive, negative], step) {
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const normalized = positive === "N" ? value : (value % 360 + 540) % 360 - 180;
  const text = Math.abs(normalized).toFixed(digits);
  const isNeither = Number(text) === 0 || Number(text) === 180;
  return `${text}°${isNeither ? "" : normalized > 0 ? positive : negative}`;
}

export function place(latitude, easting, step) {
  return `${degrees(latitude, "NS", step)} ${degrees(easting + origin.longitude, "EW", step)}`;
}

export function instant(ms) {
  const date = new Date(ms);
  return Number.isNaN(date.getTime())
    ? `${ms / 1000} s`
    : date.toISOString().replace("T", " ").replace(/(\.000)?Z$/, "");
}

export const groupDigits = (number) => String(number).replace(/\B(?=(\d{3})+$)/g, " ");

export function color(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name);
}

function afterMove() {
  view.latitude = Math.max(-LATITUDE_MAX, Math.min(LATITUDE_MAX, view.latitude));
  view.easting = Math.max(-180, Math.min(180, view.easting));
  $("tip").hidden = true;
  hooks.moved();
  redraw();
}

export function pan(dx, dy) {
  view.easting -= dx / origin.ratio / view.scale;
  view.latitude = latitudeAt(size.height / 2 - dy);
  hooks.panned();
  afterMove();
}

/** Zooms around a point of the window. */
export function zoom(factor, pointerX = size.width / 2, pointerY = size.height / 2) {
  const [easting, north] = [eastingAt(pointerX), northAt(pointerY)];
  view.scale = Math.min(
    5e8,
    Math.max(Math.min(size.width, size.height) / 400, view.scale * factor),
  );
  view.easting += easting - eastingAt(pointerX);
  view.latitude = latitudeOf(middleNorth() + north - northAt(pointerY));
  afterMove();
}

/** Shows a box around the origin, in the part of the window that panels leave free. */
export function show({ latitude, lonSpan, latSpan }, { left = 0, top = 0, bottom = 0 } = {}) {
  const [south, north] = [latitude - latSpan / 2, latitude + latSpan / 2].map(northOf);
  view.scale = Math.min(
    (size.width - left - 90) / origin.ratio / Math.max(lonSpan, 0.001),
    Math.max(size.height - top - bottom - 120, 60) / Math.max(north - south, 0.001),
  );
  view.easting = -left / 2 / origin.ratio / view.scale;
  view.latitude = latitudeOf((south + north) / 2 + (top - bottom) / 2 / view.scale);
  afterMove();
}

/** Fits surfaces to the window. */
export function resize(...surfaces) {
  const [width, height, ratio] = [innerWidth, innerHeight, devicePixelRatio || 1];
  Object.assign(size, { width, height, ratio });
  for (const surface of [canvas, ...surfaces]) {
    surface.width = Math.round(width * ratio);
    surface.height = Math.round(height * ratio);
  }
  redraw();
}
