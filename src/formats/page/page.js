// Draws the tracks on a canvas. `data` comes from html.ts: for each user segments, in runs of time in milliseconds,
// latitude and longitude in ten-millionths of a degree, as differences to the previous fix.

const EARTH_RADIUS_M = 6371008.8;
const RADIANS = Math.PI / 180;
const METRES_PER_DEGREE = EARTH_RADIUS_M * RADIANS;
/** Fixes with one common box, to skip those that are not visible. */
const CHUNK = 256;
/** If a frame takes longer, the existing drawing is only moved, and redrawn when the pointer rests. */
const FRAME_MS = 25;
const REST_MS = 120;

export const $ = (id) => document.getElementById(id);
export const canvas = $("map");
const context = canvas.getContext("2d");
export const layer = document.createElement("canvas");
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
export let middle = 0;
let lonRatio = 1;
let bounds = null;
load();

export const size = { width: 0, height: 0, ratio: 1 };
/** The centre of the window, and pixels per degree of latitude. */
const view = { easting: 0, latitude: 0, scale: 1 };
/** The view that the layer shows. */
export const drawn = { easting: 0, latitude: 0, scale: 0 };
let movedAt = -Infinity;
/** When the last frame began, whether it drew the layer, and whether that was too slow. */
const last = { at: -Infinity, isComplete: false, isSlow: false };
/** The highlighted track, and the fix under the pointer. */
export const focus = { track: null, fix: null };
let pending = 0;

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

/** Finds the middle between the western and the eastern edge, the shorter way around. */
function center() {
  let [west, east, lowEast, highWest, south, north] = [180, -180, 360, -360, 90, -90];
  for (let i = 0; i < count; i++) {
    west = Math.min(west, eastings[i]);
    east = Math.max(east, eastings[i]);
    if (eastings[i] >= 0) lowEast = Math.min(lowEast, eastings[i]);
    else highWest = Math.max(highWest, eastings[i]);
    south = Math.min(south, latitudes[i]);
    north = Math.max(north, latitudes[i]);
  }
  if (lowEast <= 180 && highWest >= -180 && 360 - lowEast + highWest < east - west) {
    [west, east] = [lowEast, highWest + 360];
  }
  middle = (west + east) / 2;
  lonRatio = Math.max(0.02, Math.cos((south + north) / 2 * RADIANS));
  for (let i = 0; i < count; i++) eastings[i] = wrap(eastings[i] - middle);
  bounds = { latitude: (south + north) / 2, lonSpan: east - west, latSpan: north - south };
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

function wrap(degrees) {
  return degrees > 180 ? degrees - 360 : degrees < -180 ? degrees + 360 : degrees;
}

/** The haversine distance to the previous fix. */
export function metresBefore(i) {
  const [a, b] = [latitudes[i - 1] * RADIANS, latitudes[i] * RADIANS];
  const h = Math.sin((b - a) / 2) ** 2 +
    Math.cos(a) * Math.cos(b) * Math.sin((eastings[i] - eastings[i - 1]) * RADIANS / 2) ** 2;
  return 2 * EARTH_RADIUS_M * Math.asin(Math.min(1, Math.sqrt(h)));
}

export const x = (easting) => size.width / 2 + (easting - view.easting) * lonRatio * view.scale;
export const y = (latitude) => size.height / 2 - (latitude - view.latitude) * view.scale;
export const eastingAt = (x) => view.easting + (x - size.width / 2) / lonRatio / view.scale;
export const latitudeAt = (y) => view.latitude - (y - size.height / 2) / view.scale;

export function redraw() {
  pending ||= requestAnimationFrame(frame);
}

function frame(now) {
  pending = 0;
  const { width, height, ratio } = size;
  const isStale = view.easting !== drawn.easting || view.latitude !== drawn.latitude ||
    view.scale !== drawn.scale;
  const isMoving = now - movedAt < REST_MS;
  // The time between two frames is the time that drawing took.
  if (last.isComplete && isMoving && now - last.at < 1_000) last.isSlow = now - last.at > FRAME_MS;
  if (!isMoving) last.isSlow = false;
  // After a resize the layer is empty, so it must be drawn even if that is slow.
  last.isComplete = isStale && (!last.isSlow || drawn.scale === 0);
  last.at = now;
  if (last.isComplete) drawLayer();
  else if (isStale) setTimeout(redraw, REST_MS);
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  drawGraticule();
  const zoom = view.scale / drawn.scale;
  context.drawImage(
    layer,
    x(drawn.easting) - width / 2 * zoom,
    y(drawn.latitude) - height / 2 * zoom,
    width * zoom,
    height * zoom,
  );
  const { track, fix } = focus;
  for (const chunk of chunks) if (chunk.track === track) strokeChunk(context, chunk, 4.5);
  if (fix !== null) drawSpot(fix, track);
  drawScale();
}

/** Draws all visible tracks into the layer. */
function drawLayer() {
  const { width, height, ratio } = size;
  layerContext.setTransform(ratio, 0, 0, ratio, 0, 0);
  layerContext.clearRect(0, 0, width, height);
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
      const around = Math.sign(jump) * 360 * lonRatio * view.scale;
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

function drawGraticule() {
  const step = niceBelow(170 / lonRatio / view.scale);
  context.strokeStyle = color("--grid");
  context.fillStyle = color("--soft");
  context.lineWidth = 1;
  context.font = "11px ui-sans-serif, system-ui, 'DejaVu Sans', sans-serif";
  context.beginPath();
  const [west, east] = [eastingAt(0) + middle, eastingAt(size.width) + middle];
  for (let at = Math.ceil(west / step); at <= east / step; at++) {
    const line = Math.round(x(at * step - middle)) + 0.5;
    context.moveTo(line, 0);
    context.lineTo(line, size.height);
    context.fillText(degrees(at * step, "EW", step), line + 4, size.height - 44);
  }
  const [south, north] = [Math.max(latitudeAt(size.height), -90), Math.min(latitudeAt(0), 90)];
  for (let at = Math.ceil(south / step); at <= north / step; at++) {
    const line = Math.round(y(at * step)) + 0.5;
    context.moveTo(0, line);
    context.lineTo(size.width, line);
    context.fillText(degrees(at * step, "NS", step), size.width - 108, line - 4);
  }
  context.stroke();
}

function drawScale() {
  const metres = METRES_PER_DEGREE / view.scale *
    Math.max(Math.cos(view.latitude * RADIANS), 0.02) / lonRatio;
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

export function degrees(value, [positive, negative], step) {
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const normalized = positive === "N" ? value : (value % 360 + 540) % 360 - 180;
  const text = Math.abs(normalized).toFixed(digits);
  const isNeither = Number(text) === 0 || Number(text) === 180;
  return `${text}°${isNeither ? "" : normalized > 0 ? positive : negative}`;
}

function color(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name);
}

function afterMove() {
  movedAt = performance.now();
  view.latitude = Math.max(-90, Math.min(90, view.latitude));
  view.easting = Math.max(-180, Math.min(180, view.easting));
  $("tip").hidden = true;
  focus.fix = null;
  redraw();
}

export function pan(dx, dy) {
  view.easting -= dx / lonRatio / view.scale;
  view.latitude += dy / view.scale;
  afterMove();
}

/** Zooms around a point of the window. */
export function zoom(factor, pointerX = size.width / 2, pointerY = size.height / 2) {
  const [easting, latitude] = [eastingAt(pointerX), latitudeAt(pointerY)];
  view.scale = Math.min(
    5e8,
    Math.max(Math.min(size.width, size.height) / 400, view.scale * factor),
  );
  view.easting += easting - eastingAt(pointerX);
  view.latitude += latitude - latitudeAt(pointerY);
  afterMove();
}

export function fit() {
  const { latitude, lonSpan, latSpan } = bounds ?? { latitude: 0, lonSpan: 360, latSpan: 180 };
  // Next to the legend, if the window is wide enough.
  const left = size.width > 700 ? 266 : 0;
  view.scale = Math.min(
    (size.width - left - 90) / lonRatio / Math.max(lonSpan, 0.001),
    (size.height - 120) / Math.max(latSpan, 0.001),
  );
  view.easting = -left / 2 / lonRatio / view.scale;
  view.latitude = latitude;
  afterMove();
}
