// What a running consumer says about itself, and the connection to it.

import { keys, startTheme } from "./gestures.js";
import { addFixes, clearUsers, followed, followUser, users } from "./live_map.js";
import { $, canvas, color, groupDigits, hooks, redraw } from "./view.js";

/** A connection that is silent for longer than this is not live; the server says something every two seconds. */
const SILENT_MS = 6_000;
const RETRY_MS = 1_500;
/** How often the text for screen readers changes, which read each change aloud. */
const SPOKEN_MS = 15_000;
const PARTITIONS_MAX = 200;

/** The parts of the state as they came last. */
const state = {};
/** "connecting", "open", "lost", "stopped" or "paused", since when, and when the server last said something. */
const link = { is: "connecting", since: Date.now(), heardAt: null };
let source = null;
/** The clock of the server minus that of the browser. */
let clockAhead = 0;
let spoken = { at: -Infinity, is: "" };

function connect() {
  source = new EventSource("events");
  source.onmessage = ({ data }) => hear(JSON.parse(data));
  source.addEventListener("stopped", () => disconnect("stopped"));
  source.onerror = () => disconnect("lost");
}

/** The browser would reconnect by itself, but never after an answer such as 503. */
function disconnect(is) {
  source.close();
  source = null;
  if (is === "paused") setLink("paused");
  else {
    if (link.is === "open") setLink(is);
    setTimeout(() => link.is !== "paused" && !source && connect(), RETRY_MS);
  }
  update();
}

function setLink(is) {
  if (link.is !== is) Object.assign(link, { is, since: Date.now() });
}

function hear({ now, tails, fixes, ...parts }) {
  clockAhead = now - Date.now();
  link.heardAt = Date.now();
  setLink("open");
  const { about } = parts;
  const isOther = about &&
    (about.topic !== state.about?.topic || about.table !== state.about.table);
  Object.assign(state, parts);
  if (isOther) clearUsers(state.users.max);
  if (tails) addFixes(tails, -Infinity);
  if (fixes) addFixes(fixes, performance.now());
  update();
}

/** What the consumer does: a word for the colour, a text, and since when in milliseconds of the browser's clock. */
function situation() {
  const { is, since, heardAt } = link;
  if (is === "paused") return ["paused", "paused", since];
  if (is === "connecting") return ["connecting", "connecting", since];
  if (is === "stopped") return ["stopped", "the consumer has stopped", since];
  if (is === "lost") return ["lost", "no connection, trying again", since];
  if (Date.now() - heardAt > SILENT_MS) return ["lost", "no answer", heardAt];
  if (state.state === "starting") return ["connecting", "the consumer is starting", null];
  const { wait } = state;
  if (wait) return ["waiting", `waiting for ${wait.text}`, wait.since * 1000 - clockAhead];
  return ["live", "live", null];
}

const count = (number) => number === null || number === undefined ? "?" : groupDigits(number);

/** A rate for people, in two digits where it is slow. */
function rateText(perSecond) {
  return perSecond < 10 ? String(Number(perSecond.toPrecision(2))) : count(Math.round(perSecond));
}

function clock(ms) {
  const s = Math.max(0, Math.floor(ms / 1000));
  const pad = (number) => String(number).padStart(2, "0");
  const [hours, minutes] = [Math.floor(s / 3600), Math.floor(s / 60) % 60];
  if (hours >= 48) return `${Math.floor(hours / 24)} days`;
  return hours > 0 ? `${hours}:${pad(minutes)}:${pad(s % 60)}` : `${minutes}:${pad(s % 60)}`;
}

/** Writes a text only if it differs, so that a selection by the user stays. */
function write(id, text) {
  if ($(id).textContent !== text) $(id).textContent = text;
}

function update() {
  const [is, text, since] = situation();
  document.body.dataset.state = is;
  write("state", since === null ? text : `${text} (${clock(Date.now() - since)})`);
  const isOld = is !== "live" && is !== "waiting" && link.heardAt !== null;
  write("age", isOld ? `as it was ${clock(Date.now() - link.heardAt)} ago` : "");
  const { about, counts, lag, rate, users: shown } = state;
  write("empty", users.count > 0 ? "" : shown?.isLoaded ? "no records yet" : "loading");
  if (!about) return;
  write("where", `${about.topic} → ${about.table}`);
  const up = clock(Date.now() + clockAhead - about.startedAt);
  write("process", `routes ${about.version} · group ${about.group} · up ${up}`);
  write("stored", count(counts?.stored));
  write("rejected", count(counts?.rejected));
  write("tombstones", count(counts?.tombstones));
  write("lag", count(lag?.total));
  const perSecond = rate.counts.at(-1) / rate.seconds;
  write("rate", `${rateText(perSecond)}/s`);
  const more = shown.isFull ? `, of more than ${count(shown.max)}` : "";
  write("users", shown.isLoaded ? count(users.count) + more : `${count(users.count)}, loading`);
  drawRate(rate);
  showPartitions(lag?.partitions ?? []);
  showRejects(counts?.reasons ?? {}, state.rejects);
  if (shown.isLoaded || is !== "live") speak(is, text, perSecond);
}

/** A text for those who do not see the map; the same state not more often than it can be read aloud. */
function speak(is, text, perSecond) {
  if (spoken.is === is && Date.now() - spoken.at < SPOKEN_MS) return;
  spoken = { at: Date.now(), is };
  const { counts, lag } = state;
  write(
    "spoken",
    `${text}: ${count(users.count)} users on the map, ${count(counts?.stored)} records stored, ` +
      `${count(counts?.rejected)} rejected, lag ${count(lag?.total)}, ` +
      `${rateText(perSecond)} records per second`,
  );
}

function drawRate({ seconds, counts }) {
  const chart = $("chart");
  const [width, height] = [chart.clientWidth, chart.clientHeight];
  if (width === 0) return;
  const ratio = devicePixelRatio || 1;
  [chart.width, chart.height] = [Math.round(width * ratio), Math.round(height * ratio)];
  const context = chart.getContext("2d");
  context.scale(ratio, ratio);
  const most = Math.max(...counts, 1);
  context.fillStyle = color("--accent");
  const bar = width / counts.length;
  counts.forEach((number, i) => {
    const tall = number / most * (height - 2);
    context.fillRect(i * bar, height - tall, Math.max(bar - 0.5, 1), tall);
  });
  const top = `${rateText(most / seconds)}/s`;
  write("most", top);
  const label = `records per second in the last ten minutes, at most ${top}`;
  if (chart.getAttribute("aria-label") !== label) chart.setAttribute("aria-label", label);
}

const seen = new Map();

/** Replaces the rows of a list, if they differ from those that it shows. */
function showRows(id, rows) {
  const text = JSON.stringify(rows);
  if (seen.get(id) === text) return;
  seen.set(id, text);
  const cell = (tag) => (text) => Object.assign(document.createElement(tag), { textContent: text });
  $(id).replaceChildren(...rows.map((cells) => {
    const row = document.createElement("tr");
    row.append(...cells.map(cell("td")));
    return row;
  }));
}

function showPartitions(partitions) {
  const shown = partitions.toSorted((a, b) =>
    (b.lag ?? 0) - (a.lag ?? 0) || a.partition - b.partition
  )
    .slice(0, PARTITIONS_MAX);
  showRows(
    "partitions",
    shown.map(({ partition, lag, owner }) => [partition, count(lag), owner ?? "no member"]),
  );
  const rest = partitions.length - shown.length;
  write(
    "partition-count",
    `${count(partitions.length)}${rest > 0 ? `, ${shown.length} shown` : ""}`,
  );
}

function showRejects(reasons, rejects) {
  const codes = Object.entries(reasons).toSorted((a, b) => b[1] - a[1]);
  showRows("codes", codes.map(([code, number]) => [code, count(number)]));
  showRows(
    "rejects",
    rejects.map(({ partition, offset, code, path, message }) => [
      `${partition ?? "?"}:${offset}`,
      code,
      path ? `${path}: ${message}` : message,
    ]),
  );
  write("reject-count", count(state.counts?.rejected));
}

function togglePause() {
  if (link.is === "paused") {
    setLink("connecting");
    connect();
  } else if (source) disconnect("paused");
  else setLink("paused");
  $("pause").setAttribute("aria-pressed", link.is === "paused");
  update();
}

function showFollowed() {
  const id = followed();
  write("followed", id === null ? "" : `following user ${id}; Escape ends it`);
}

hooks.panned = () => {
  followUser(null);
  showFollowed();
};
/** Chosen again, a user is no longer followed. */
hooks.chosen = (id) => {
  followUser(followed() === id ? null : id);
  showFollowed();
};
keys["p"] = togglePause;
keys["f"] = (event) => {
  event.preventDefault();
  $("user").focus();
};
addEventListener("keydown", ({ key }) => {
  if (key !== "Escape") return;
  followUser(null);
  showFollowed();
  canvas.focus();
});
$("pause").onclick = togglePause;
$("find").onsubmit = (event) => {
  event.preventDefault();
  const text = $("user").value.trim();
  const isKnown = /^-?\d+$/.test(text) && followUser(Number(text));
  showFollowed();
  if (text !== "" && !isKnown) write("followed", `user ${text} is not on the map`);
};

addEventListener("resize", hooks.resized);
clearUsers(0);
startTheme();
hooks.resized();
hooks.fit();
// The first fixes choose what is shown.
clearUsers(0);
connect();
setInterval(update, 1_000);
update();
redraw();
