// The tracks of routes on one canvas. `data` holds them as html.ts wrote them: for each user segments, each in runs of
// time in milliseconds, latitude and longitude in ten millionths of a degree, as differences from the fix before.

const EARTH_RADIUS_M = 6371008.8;
const RADIANS = Math.PI / 180;
const METRES_A_DEGREE = EARTH_RADIUS_M * RADIANS;
/** Fixes whose box is looked at as one, to leave out what is not in view. */
const CHUNK = 256;
/** If a frame takes longer, the existing drawing is moved, and redrawn when the pointer rests. */
const FRAME_MS = 25;
const REST_MS = 120;

export const $ = (id) => document.getElementById(id);
export const canvas = $("map");
const ink = canvas.getContext("2d");
export const sheet = document.createElement("canvas");
const sheetInk = sheet.getContext("2d");

export const count = data.reduce(
  (sum, { segments }) => sum + segments.flat().reduce((fixes, run) => fixes + run.length / 3, 0),
  0,
);
export const times = new Float64Array(count);
export const latitudes = new Float64Array(count);
/** East of the middle of all, from -180 to 180. */
export const asides = new Float64Array(count);
export const tracks = [];
export const chunks = [];
export let middle = 0;
let squeeze = 1;
let home = null;
load();

export const size = { width: 0, height: 0, ratio: 1 };
/** Where the middle of the window is, and pixels a degree of latitude. */
const view = { aside: 0, latitude: 0, scale: 1 };
/** What the sheet shows. */
export const drawn = { aside: 0, latitude: 0, scale: 0 };
let movedAt = -Infinity;
/** When the last frame began, whether all was drawn in it, and whether that took too long. */
const pace = { at: -Infinity, isWhole: false, isSlow: false };
/** The track that stands out, and the fix under the pointer. */
export const focus = { track: null, fix: null };
let pending = 0;

function load() {
  let at = 0;
  for (const { user, segments } of data) {
    const track = { user, segments: [], metres: 0, shown: true, color: "" };
    for (const runs of segments) {
      const start = at;
      for (const run of runs) {
        let [time, latitude, longitude] = [0, 0, 0];
        for (let i = 0; i < run.length; i += 3, at++) {
          times[at] = time += run[i];
          latitudes[at] = (latitude += run[i + 1]) / 1e7;
          asides[at] = (longitude += run[i + 2]) / 1e7;
        }
      }
      track.segments.push({ start, end: at });
      for (let i = start + 1; i < at; i++) track.metres += metresBefore(i);
    }
    tracks.push(track);
  }
  data.length = 0;
  if (count > 0) orient();
  for (const track of tracks) for (const segment of track.segments) split(track, segment);
}

/** Puts the middle between west and east edge, the narrower way round. */
function orient() {
  let [west, east, lowEast, highWest, south, north] = [180, -180, 360, -360, 90, -90];
  for (let i = 0; i < count; i++) {
    west = Math.min(west, asides[i]);
    east = Math.max(east, asides[i]);
    if (asides[i] >= 0) lowEast = Math.min(lowEast, asides[i]);
    else highWest = Math.max(highWest, asides[i]);
    south = Math.min(south, latitudes[i]);
    north = Math.max(north, latitudes[i]);
  }
  if (lowEast <= 180 && highWest >= -180 && 360 - lowEast + highWest < east - west) {
    [west, east] = [lowEast, highWest + 360];
  }
  middle = (west + east) / 2;
  squeeze = Math.max(0.02, Math.cos((south + north) / 2 * RADIANS));
  for (let i = 0; i < count; i++) asides[i] = wrap(asides[i] - middle);
  home = { latitude: (south + north) / 2, span: east - west, rise: north - south };
}

function split(track, { start, end }) {
  // The last fix is no chunk of its own, unless there is no other.
  for (let from = start; from === start || from < end - 1; from += CHUNK) {
    // One fix more, so that the line goes on to the next chunk.
    const to = Math.min(from + CHUNK + 1, end);
    let [west, east, south, north] = [180, -180, 90, -90];
    for (let i = from; i < to; i++) {
      west = Math.min(west, asides[i]);
      east = Math.max(east, asides[i]);
      south = Math.min(south, latitudes[i]);
      north = Math.max(north, latitudes[i]);
    }
    chunks.push({ track, from, to, west, east, south, north, wraps: east - west > 180 });
  }
}

function wrap(degrees) {
  return degrees > 180 ? degrees - 360 : degrees < -180 ? degrees + 360 : degrees;
}

/** Haversine from the fix before. */
export function metresBefore(i) {
  const [a, b] = [latitudes[i - 1] * RADIANS, latitudes[i] * RADIANS];
  const h = Math.sin((b - a) / 2) ** 2 +
    Math.cos(a) * Math.cos(b) * Math.sin((asides[i] - asides[i - 1]) * RADIANS / 2) ** 2;
  return 2 * EARTH_RADIUS_M * Math.asin(Math.min(1, Math.sqrt(h)));
}

export const x = (aside) => size.width / 2 + (aside - view.aside) * squeeze * view.scale;
export const y = (latitude) => size.height / 2 - (latitude - view.latitude) * view.scale;
export const asideAt = (x) => view.aside + (x - size.width / 2) / squeeze / view.scale;
export const latitudeAt = (y) => view.latitude - (y - size.height / 2) / view.scale;

export function redraw() {
  pending ||= requestAnimationFrame(frame);
}

function frame(now) {
  pending = 0;
  const { width, height, ratio } = size;
  const isStale = view.aside !== drawn.aside || view.latitude !== drawn.latitude ||
    view.scale !== drawn.scale;
  const isMoving = now - movedAt < REST_MS;
  // A frame tells how long the one before took, on whatever draws.
  if (pace.isWhole && isMoving && now - pace.at < 1_000) pace.isSlow = now - pace.at > FRAME_MS;
  if (!isMoving) pace.isSlow = false;
  // A sheet that was emptied, as by a new size of the window, has nothing to show meanwhile.
  pace.isWhole = isStale && (!pace.isSlow || drawn.scale === 0);
  pace.at = now;
  if (pace.isWhole) drawSheet();
  else if (isStale) setTimeout(redraw, REST_MS);
  ink.setTransform(ratio, 0, 0, ratio, 0, 0);
  ink.clearRect(0, 0, width, height);
  drawGraticule();
  const zoom = view.scale / drawn.scale;
  ink.drawImage(
    sheet,
    x(drawn.aside) - width / 2 * zoom,
    y(drawn.latitude) - height / 2 * zoom,
    width * zoom,
    height * zoom,
  );
  const { track, fix } = focus;
  for (const chunk of chunks) if (chunk.track === track) strokeChunk(ink, chunk, 4.5);
  if (fix !== null) drawSpot(fix, track);
  drawScale();
}

/** All tracks into the sheet, as the view is now. */
function drawSheet() {
  const { width, height, ratio } = size;
  sheetInk.setTransform(ratio, 0, 0, ratio, 0, 0);
  sheetInk.clearRect(0, 0, width, height);
  for (const chunk of chunks) if (chunk.track.shown) strokeChunk(sheetInk, chunk, 2);
  Object.assign(drawn, view);
}

function strokeChunk(ink, { track, from, to, west, east, south, north, wraps }, width) {
  const outside = x(east) < -9 || x(west) > size.width + 9 || y(south) < -9 ||
    y(north) > size.height + 9;
  if (outside && !wraps) return;
  ink.strokeStyle = track.color;
  ink.lineWidth = to - from === 1 ? 4 * width : width;
  ink.lineJoin = ink.lineCap = "round";
  ink.beginPath();
  let [lastX, lastY] = [x(asides[from]), y(latitudes[from])];
  ink.moveTo(lastX, lastY);
  if (to - from === 1) ink.lineTo(lastX + 0.01, lastY);
  for (let i = from + 1; i < to; i++) {
    const [toX, toY] = [x(asides[i]), y(latitudes[i])];
    const jump = asides[i] - asides[i - 1];
    if (Math.abs(jump) > 180) {
      // The shorter way leads around the far side: out on one side, in on the other.
      const around = Math.sign(jump) * 360 * squeeze * view.scale;
      ink.lineTo(toX - around, toY);
      ink.moveTo(lastX + around, lastY);
    } else if (i < to - 1 && Math.abs(toX - lastX) + Math.abs(toY - lastY) < 0.8) continue;
    ink.lineTo(toX, toY);
    [lastX, lastY] = [toX, toY];
  }
  ink.stroke();
}

function drawSpot(i, track) {
  ink.beginPath();
  ink.arc(x(asides[i]), y(latitudes[i]), 6, 0, 7);
  ink.fillStyle = track.color;
  ink.strokeStyle = color("--paper");
  ink.lineWidth = 2;
  ink.fill();
  ink.stroke();
}

function drawGraticule() {
  const step = niceBelow(170 / squeeze / view.scale);
  ink.strokeStyle = color("--grid");
  ink.fillStyle = color("--soft");
  ink.lineWidth = 1;
  ink.font = "11px ui-sans-serif, system-ui, 'DejaVu Sans', sans-serif";
  ink.beginPath();
  const [west, east] = [asideAt(0) + middle, asideAt(size.width) + middle];
  for (let at = Math.ceil(west / step); at <= east / step; at++) {
    const line = Math.round(x(at * step - middle)) + 0.5;
    ink.moveTo(line, 0);
    ink.lineTo(line, size.height);
    ink.fillText(degrees(at * step, "EW", step), line + 4, size.height - 44);
  }
  const [south, north] = [Math.max(latitudeAt(size.height), -90), Math.min(latitudeAt(0), 90)];
  for (let at = Math.ceil(south / step); at <= north / step; at++) {
    const line = Math.round(y(at * step)) + 0.5;
    ink.moveTo(0, line);
    ink.lineTo(size.width, line);
    ink.fillText(degrees(at * step, "NS", step), size.width - 108, line - 4);
  }
  ink.stroke();
}

function drawScale() {
  const metres = METRES_A_DEGREE / view.scale *
    Math.max(Math.cos(view.latitude * RADIANS), 0.02) / squeeze;
  const length = niceBelow(metres * 160);
  const [bar, text] = $("scale").children;
  bar.style.width = `${length / metres}px`;
  text.textContent = length < 1000 ? `${tidy(length)} m` : `${tidy(length / 1000)} km`;
}

function niceBelow(most) {
  const power = 10 ** Math.floor(Math.log10(most));
  return ([5, 2].find((factor) => factor * power <= most) ?? 1) * power;
}

const tidy = (value) => String(Number(value.toPrecision(6)));

export function degrees(value, [positive, negative], step) {
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const inside = positive === "N" ? value : (value % 360 + 540) % 360 - 180;
  const text = Math.abs(inside).toFixed(digits);
  const isNeither = Number(text) === 0 || Number(text) === 180;
  return `${text}°${isNeither ? "" : inside > 0 ? positive : negative}`;
}

function color(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name);
}

// What people do.

function moved() {
  movedAt = performance.now();
  view.latitude = Math.max(-90, Math.min(90, view.latitude));
  view.aside = Math.max(-180, Math.min(180, view.aside));
  $("tip").hidden = true;
  focus.fix = null;
  redraw();
}

export function pan(dx, dy) {
  view.aside -= dx / squeeze / view.scale;
  view.latitude += dy / view.scale;
  moved();
}

/** Around a place of the window that stays where it is. */
export function zoom(factor, atX = size.width / 2, atY = size.height / 2) {
  const [aside, latitude] = [asideAt(atX), latitudeAt(atY)];
  view.scale = Math.min(
    5e8,
    Math.max(Math.min(size.width, size.height) / 400, view.scale * factor),
  );
  view.aside += aside - asideAt(atX);
  view.latitude += latitude - latitudeAt(atY);
  moved();
}

export function fit() {
  const { latitude, span, rise } = home ?? { latitude: 0, span: 360, rise: 180 };
  // Beside the legend where there is room for both.
  const left = size.width > 700 ? 266 : 0;
  view.scale = Math.min(
    (size.width - left - 90) / squeeze / Math.max(span, 0.001),
    (size.height - 120) / Math.max(rise, 0.001),
  );
  view.aside = -left / 2 / squeeze / view.scale;
  view.latitude = latitude;
  moved();
}
