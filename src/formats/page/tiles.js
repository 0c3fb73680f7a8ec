// Background tiles in Web Mercator. `tiles` comes with the page: a template of URLs and its attribution; null: none.

import {
  $,
  color,
  context,
  eastingAt,
  northAt,
  origin,
  redraw,
  size,
  view,
  x,
  yOf,
} from "./view.js";

const TILE_PX = 256;
const ZOOM_MAX = 19;
/** Images that are kept; more if the window shows more. */
const IMAGES_MAX = 400;
/** Until a tile that failed is asked for again. */
const TILE_RETRY_MS = 30_000;

/** Images by their URL, the one that was drawn last at the end. */
const tileImages = new Map();

/** Draws the tiles that have arrived; the others appear later, or the paper stays. */
export function drawTiles() {
  if (!tiles) return;
  const zoom = Math.round(Math.log2(view.scale * 360 / TILE_PX));
  const level = Math.max(0, Math.min(ZOOM_MAX, zoom));
  const count = 2 ** level;
  const span = 360 / count;
  const snap = (at) => Math.round(at * size.ratio) / size.ratio;
  // The data is drawn once, so the Earth is too.
  const [west, east] = [Math.max(eastingAt(0), -180), Math.min(eastingAt(size.width), 180)];
  const firstRow = Math.max(0, Math.floor((180 - northAt(0)) / span));
  const lastRow = Math.min(count - 1, Math.floor((180 - northAt(size.height)) / span));
  const shown = new Set();
  context.save();
  context.globalAlpha = Number(color("--tiles"));
  context.beginPath();
  context.rect(x(west), 0, x(east) - x(west), size.height);
  context.clip();
  const columnAt = (easting) => Math.floor((easting + origin.longitude + 180) / span);
  for (let column = columnAt(west); column <= columnAt(east); column++) {
    const easting = column * span - 180 - origin.longitude;
    const [left, right] = [snap(x(easting)), snap(x(easting + span))];
    for (let row = firstRow; row <= lastRow; row++) {
      const [top, bottom] = [snap(yOf(180 - row * span)), snap(yOf(180 - (row + 1) * span))];
      const url = tileUrl(level, (column % count + count) % count, row);
      shown.add(url);
      const image = tileImage(url);
      if (image.naturalWidth) context.drawImage(image, left, top, right - left, bottom - top);
    }
  }
  context.restore();
  forget(shown);
}

function tileUrl(z, x, y) {
  const numbers = { z, x, y };
  return tiles.url.replace(/\{([zxy])\}/g, (_, name) => numbers[name]);
}

function tileImage(url) {
  let image = tileImages.get(url);
  if (!image) {
    image = new Image();
    // Servers of tiles want to know the site that asks; the path stays here.
    image.referrerPolicy = "strict-origin";
    image.onload = redraw;
    image.onerror = () => setTimeout(() => tileImages.delete(url), TILE_RETRY_MS);
    image.src = url;
  }
  tileImages.delete(url);
  tileImages.set(url, image);
  return image;
}

/** Stops loading what is not shown any more, and drops the oldest images. */
function forget(shown) {
  for (const [url, image] of tileImages) {
    if (shown.has(url)) continue;
    if (image.complete && tileImages.size <= Math.max(IMAGES_MAX, shown.size)) continue;
    tileImages.delete(url);
    image.onload = image.onerror = null;
    if (!image.complete) image.removeAttribute("src");
  }
}

if (tiles) {
  const note = document.createElement(tiles.about ? "a" : "span");
  note.id = "attribution";
  note.textContent = tiles.attribution;
  if (tiles.about) Object.assign(note, { href: tiles.about, target: "_blank", rel: "noopener" });
  $("scale").after(note);
}
