// Draws the tracks on a canvas. `palette`, `zone` (of times) and `data` come from html.ts; `data` has for each user
// segments, in runs of time in milliseconds, latitude and longitude in ten-millionths of a degree, as differences to the
// previous fix.

import {
  $,
  clearSurface,
  color,
  context,
  drawGround,
  drawMoved,
  drawScale,
  edges,
  hasMovedFrom,
  hooks,
  metresBetween,
  origin,
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

/** Fixes with one common box, to skip those that are not visible. */
const CHUNK = 256;
/** If a frame takes longer, the existing drawing is only moved, and redrawn when the pointer rests. */
const FRAME_MS = 25;
const REST_MS = 120;

const layer = document.createElement("canvas");
const layerContext = layer.getContext("2d");

export const count = data.reduce(
  (sum, { segments }) => sum + segments.flat().reduce((fixes, run) => fixes + run.length / 3, 0),
  0,
);
export const times = new Float64Array(count);
export const latitudes = new Float64Array(count);
/** Longitudes relative to the middle of all fixes, from -180 to 180. */
export const eastings = new Float64Array(count);
export const tracks = [];
export const chunks = [];
let bounds = null;
load();

/** The view that the layer shows. */
export const drawn = { easting: 0, latitude: 0, scale: 0 };
let movedAt = -Infinity;
/** When the last frame began, whether it drew the layer, and whether that was too slow. */
const last = { at: -Infinity, isComplete: false, isSlow: false };
/** The highlighted track, and the fix under the pointer. */
export const focus = { track: null, fix: null };

function load() {
  let at = 0;
  for (const { user, segments } of data) {
    const track = { user, segments: [], metres: 0, isVisible: true, color: "" };
    for (const runs of segments) {
      const start = at;
      for (const run of runs) {
        let [time, latitude, longitude] = [0, 0, 0];
        for (let i = 0; i < run.length; i += 3, at++) {
          times[at] = time += run[i];
          latitudes[at] = (latitude += run[i + 1]) / 1e7;
          eastings[at] = (longitude += run[i + 2]) / 1e7;
        }
      }
      track.segments.push({ start, end: at });
      for (let i = start + 1; i < at; i++) track.metres += metresBefore(i);
    }
    tracks.push(track);
  }
  data.length = 0;
  if (count > 0) center();
  for (const track of tracks) for (const segment of track.segments) split(track, segment);
}

/** Finds the middle between the western and the eastern edge. */
function center() {
  const [west, east] = edges(eastings);
  let [south, north] = [90, -90];
  for (let i = 0; i < count; i++) {
    south = Math.min(south, latitudes[i]);
    north = Math.max(north, latitudes[i]);
  }
  const latitude = (south + north) / 2;
  setOrigin((west + east) / 2, latitude);
  for (let i = 0; i < count; i++) eastings[i] = wrap(eastings[i] - origin.longitude);
  bounds = { latitude, lonSpan: east - west, latSpan: north - south };
}

function split(track, { start, end }) {
  // The last fix is a chunk only if it is the only one.
  for (let from = start; from === start || from < end - 1; from += CHUNK) {
    // One fix more, so that the line continues to the next chunk.
    const to = Math.min(from + CHUNK + 1, end);
    let [west, east, south, north] = [180, -180, 90, -90];
    for (let i = from; i < to; i++) {
      west = Math.min(west, eastings[i]);
      east = Math.max(east, eastings[i]);
      south = Math.min(south, latitudes[i]);
      north = Math.max(north, latitudes[i]);
    }
    chunks.push({ track, from, to, west, east, south, north, wraps: east - west > 180 });
  }
}

/** The distance to the previous fix. */
export function metresBefore(i) {
  return metresBetween(latitudes[i - 1], eastings[i - 1], latitudes[i], eastings[i]);
}

hooks.frame = (now) => {
  const isStale = hasMovedFrom(drawn);
  const isMoving = now - movedAt < REST_MS;
  // The time between two frames is the time that drawing took.
  if (last.isComplete && isMoving && now - last.at < 1_000) last.isSlow = now - last.at > FRAME_MS;
  if (!isMoving) last.isSlow = false;
  // After a resize the layer is empty, so it must be drawn even if that is slow.
  last.isComplete = isStale && (!last.isSlow || drawn.scale === 0);
  last.at = now;
  if (last.isComplete) drawLayer();
  else if (isStale) setTimeout(redraw, REST_MS);
  drawGround();
  drawMoved(layer, drawn);
  const { track, fix } = focus;
  for (const chunk of chunks) if (chunk.track === track) strokeChunk(context, chunk, 4.5);
  if (fix !== null) drawSpot(fix, track);
  drawScale();
};

/** Draws all visible tracks into the layer. */
function drawLayer() {
  clearSurface(layerContext);
  for (const chunk of chunks) if (chunk.track.isVisible) strokeChunk(layerContext, chunk, 2);
  Object.assign(drawn, view);
}

function strokeChunk(context, { track, from, to, west, east, south, north, wraps }, width) {
  const outside = x(east) < -9 || x(west) > size.width + 9 || y(south) < -9 ||
    y(north) > size.height + 9;
  if (outside && !wraps) return;
  context.strokeStyle = track.color;
  context.lineWidth = to - from === 1 ? 4 * width : width;
  context.lineJoin = context.lineCap = "round";
  context.beginPath();
  let [lastX, lastY] = [x(eastings[from]), y(latitudes[from])];
  context.moveTo(lastX, lastY);
  if (to - from === 1) context.lineTo(lastX + 0.01, lastY);
  for (let i = from + 1; i < to; i++) {
    const [toX, toY] = [x(eastings[i]), y(latitudes[i])];
    const jump = eastings[i] - eastings[i - 1];
    if (Math.abs(jump) > 180) {
      // The shorter way crosses the far side: leave on one side, enter on the other.
      const around = Math.sign(jump) * 360 * origin.ratio * view.scale;
      context.lineTo(toX - around, toY);
      context.moveTo(lastX + around, lastY);
    } else if (i < to - 1 && Math.abs(toX - lastX) + Math.abs(toY - lastY) < 0.8) continue;
    context.lineTo(toX, toY);
    [lastX, lastY] = [toX, toY];
  }
  context.stroke();
}

function drawSpot(i, track) {
  context.beginPath();
  context.arc(x(eastings[i]), y(latitudes[i]), 6, 0, 7);
  context.fillStyle = track.color;
  context.strokeStyle = color("--paper");
  context.lineWidth = 2;
  context.fill();
  context.stroke();
}

hooks.moved = () => {
  movedAt = performance.now();
  focus.fix = null;
};

hooks.resized = () => {
  resize(layer);
  drawn.scale = 0;
};

hooks.fit = () => {
  // Next to the legend, or below it if the window is narrow.
  const { offsetTop, offsetHeight } = $("about");
  const free = size.width > 700 ? { left: 266 } : { top: offsetTop + offsetHeight };
  show(bounds ?? { latitude: 0, lonSpan: 360, latSpan: 180 }, free);
};
