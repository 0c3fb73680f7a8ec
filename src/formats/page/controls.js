// Hover and legend.

import { showTip, startTheme } from "./gestures.js";
import {
  chunks,
  count,
  drawn,
  eastings,
  focus,
  latitudes,
  metresBefore,
  times,
  tracks,
} from "./page.js";
import {
  $,
  eastingAt,
  groupDigits,
  hooks,
  instant,
  latitudeAt,
  place,
  redraw,
  x,
  y,
} from "./view.js";

hooks.left = () => Object.assign(focus, { track: null, fix: null });

/** Shows the fix that is nearest to the pointer, within 20 pixels. */
hooks.hover = (pointerX, pointerY) => {
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
  if (fix !== null) showFix(pointerX, pointerY);
  redraw();
};

function showFix(pointerX, pointerY) {
  const { track, fix: i } = focus;
  const isFirst = track.segments.some(({ start }) => start === i);
  const seconds = isFirst ? 0 : Math.abs(times[i] - times[i - 1]) / 1000;
  const speed = seconds > 0 ? [`${(metresBefore(i) / seconds * 3.6).toFixed(1)} km/h`] : [];
  const lines = [`${shown(times[i])} ${zone}`, ...speed, place(latitudes[i], eastings[i], 1e-7)];
  showTip(`user ${track.user}`, lines, pointerX, pointerY);
}

// Deno's zones and the browser's are the same, except for the newest.
const clock = zone === "UTC" ? null : new Intl.DateTimeFormat("en-US", {
  ...{ timeZone: zone, hourCycle: "h23", year: "numeric", month: "numeric", day: "numeric" },
  ...{ hour: "numeric", minute: "numeric", second: "numeric" },
});

/** A time as the clock of the zone shows it. */
function shown(ms) {
  if (!clock || Number.isNaN(new Date(ms).getTime())) return instant(ms);
  const parts = new Map(clock.formatToParts(ms).map(({ type, value }) => [type, Number(value)]));
  const [year, month, ...others] = ["year", "month", "day", "hour", "minute", "second"]
    .map((type) => parts.get(type));
  return instant(Date.UTC(year, month - 1, ...others) + (ms % 1000 + 1000) % 1000);
}

hooks.themed = (theme) => {
  tracks.forEach((track, i) => {
    track.color = palette[i % palette.length][theme];
    if (track.swatch) track.swatch.style.background = track.color;
  });
  drawn.scale = 0;
};

/** Shows or hides a user, or shows only that user, or everyone again. */
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

function plural(number, one, many) {
  return `${groupDigits(number)} ${number === 1 ? one : many}`;
}

function buildLegend() {
  for (const track of tracks) {
    const button = document.createElement("button");
    const fixes = track.segments.reduce((sum, { start, end }) => sum + end - start, 0);
    const [swatch, name, length] = ["i", "span", "small"].map((tag) => document.createElement(tag));
    name.textContent = `user ${track.user}`;
    // One fix is a place, and no distance is known.
    if (fixes > 1) length.textContent = `${(track.metres / 1000).toFixed(1)} km`;
    const about = plural(fixes, "fix", "fixes");
    button.title = `${about}; click: show or hide; double click: only this user`;
    button.setAttribute("aria-pressed", "true");
    button.append(swatch, name, length);
    button.onclick = ({ shiftKey }) => toggle(track, shiftKey);
    // Its two clicks have shown and hidden the user, which changes nothing. A finger has no Shift key.
    button.ondblclick = ({ shiftKey }) => shiftKey || toggle(track, true);
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
  const [first, last] = [Infinity, -Infinity].map((start) =>
    times.reduce((a, b) => start > 0 ? Math.min(a, b) : Math.max(a, b), start)
  );
  $("summary").textContent = count === 0
    ? "no fixes"
    : `${plural(count, "fix", "fixes")} of ${plural(tracks.length, "user", "users")}\n` +
      `${shown(first).slice(0, 16)} ${zone}\nto ${shown(last).slice(0, 16)} ${zone}`;
}

addEventListener("resize", hooks.resized);
buildLegend();
startTheme();
hooks.resized();
hooks.fit();
