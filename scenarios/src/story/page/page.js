"use strict";
// Draws a story: swim lanes on the left, the same events as a list on the right. Whatever is drawn carries the place of its event.
const story = JSON.parse(document.getElementById("story").textContent);
const $ = (id) => document.getElementById(id);
const svg = $("picture"), list = $("events"), tip = $("tip");
const NAMES = 112, TOP = 34, GAP = 12, BAR = 17, RULE = 22;

// Time. Unless the true time is asked for, a gap between two events is as wide as its logarithm: a job computes for milliseconds, and
// waits for seconds.
const times = [...new Set([0, ...story.events.map((event) => event.at), story.end])].sort((a, b) => a - b);
const folded = [0];
const SHORT = 1e-5;
for (let i = 1; i < times.length; i++) folded.push(folded[i - 1] + Math.log(1 + (times[i] - times[i - 1]) / SHORT));
function interpolate(from, to, value) {
  let low = 0, high = from.length - 1;
  if (high <= 0) return 0;
  while (high - low > 1) { const mid = (low + high) >> 1; if (from[mid] <= value) low = mid; else high = mid; }
  const span = from[high] - from[low];
  return span > 0 ? to[low] + ((value - from[low]) / span) * (to[high] - to[low]) : to[low];
}
const trueTime = () => $("truetime").checked;
const place = (at) => (trueTime() ? at : interpolate(times, folded, at));
const moment = (x) => (trueTime() ? x : interpolate(folded, times, x));
const whole = () => Math.max(place(story.end), 1e-9) * 1.02;

let view = { from: 0, to: 1 }, selected = -1;
const width = () => Math.max(svg.clientWidth - NAMES - 16, 50);
const xOf = (at) => NAMES + ((place(at) - view.from) / (view.to - view.from)) * width();

// Lanes, each as high as its attempts need that overlap.
const lanes = story.nodes.map((name, index) => {
  const own = story.bars.filter((bar) => bar.lane === index).sort((a, b) => a.from - b.from);
  const ends = [];
  for (const bar of own) {
    let row = ends.findIndex((end) => end < bar.from);
    if (row < 0) row = ends.length;
    ends[row] = bar.to;
    bar.row = row;
  }
  return { name, rows: ends.length };
});
let bottom = TOP;
function layOut() {
  const wanted = lanes.reduce((sum, lane) => sum + RULE * 2 + lane.rows * (BAR + 3) + GAP, TOP + 20);
  const spare = Math.max(0, Math.min(70, (svg.clientHeight - wanted) / Math.max(lanes.length, 1)));
  bottom = TOP;
  for (const lane of lanes) {
    lane.top = bottom;
    lane.height = RULE * 2 + lane.rows * (BAR + 3) + spare;
    lane.y = lane.top + RULE + spare / 2;
    lane.bars = lane.y + RULE / 2 + 4;
    bottom += lane.height + GAP;
  }
}

function make(parent, name, attributes, text) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const key in attributes) element.setAttribute(key, attributes[key]);
  if (text !== undefined) element.textContent = text;
  parent.append(element);
  return element;
}
const GOOD = ["committed", "ended"], BAD = ["failed", "file_failed", "worker_lost"];
const FAULT = ["fault", "healed", "crashed", "paused", "resumed", "undone", "vanished"];
const FILE = ["read", "written", "synced", "named"];
const tone = (event) => GOOD.includes(event.kind) ? "good" : BAD.includes(event.kind) ? "bad"
  : FAULT.includes(event.kind) ? "fault" : FILE.includes(event.kind) ? "file" : "";
const MESSAGE = ["sent", "received", "unheard"];
const shown = (event) => (event.routine ? $("heartbeats").checked : true)
  && (MESSAGE.includes(event.kind) ? $("messages").checked : FILE.includes(event.kind) ? $("files").checked : true);
const clock = (at) => at.toFixed(6) + " s";

function patterns() {
  const defs = make(svg, "defs", {});
  const angle = { down: 45, paused: 90, network: -45, disk: 0, slow: 20 };
  for (const kind in angle) {
    const pattern = make(defs, "pattern", { id: "hatch-" + kind, width: 7, height: 7, patternUnits: "userSpaceOnUse", patternTransform: `rotate(${angle[kind]})` });
    make(pattern, "rect", { width: 7, height: 7, fill: `var(--${kind})`, "fill-opacity": 0.13 });
    make(pattern, "line", { x1: 0, y1: 0, x2: 0, y2: 7, stroke: `var(--${kind})`, "stroke-width": 1.6, "stroke-opacity": 0.55 });
  }
  const marker = make(defs, "marker", { id: "head", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto-start-reverse" });
  make(marker, "path", { d: "M0,1 L7,4 L0,7 z", fill: "context-stroke" });
}

function draw() {
  svg.replaceChildren();
  layOut();
  svg.style.height = Math.max(bottom + 8, svg.parentElement.clientHeight) + "px";
  patterns();
  const left = moment(view.from), right = moment(view.to);
  const inside = (from, to) => to >= left && from <= right;
  drawAxis(left, right);
  const clip = make(svg.querySelector("defs"), "clipPath", { id: "window" });
  make(clip, "rect", { x: NAMES, y: 0, width: width() + 16, height: bottom });
  const stage = make(svg, "g", { "clip-path": "url(#window)" });
  for (const band of story.bands) if (inside(band.from, band.to)) drawBand(stage, band);
  lanes.forEach((lane) => {
    make(svg, "text", { class: "name", x: 14, y: lane.y + 4 }, lane.name);
    make(stage, "line", { class: "life", x1: NAMES, x2: NAMES + width() + 16, y1: lane.y, y2: lane.y });
  });
  for (const bar of story.bars) if (inside(bar.from, bar.to)) drawBar(stage, bar);
  if ($("messages").checked) story.links.forEach((link, index) => drawLink(stage, link, index, inside));
  const seen = new Map();
  story.events.forEach((event, index) => {
    if (shown(event) && inside(event.at, event.at)) drawEvent(stage, event, index, seen);
  });
  if (story.broken) {
    const x = xOf(story.end);
    make(stage, "line", { class: "break", x1: x, x2: x, y1: TOP - 8, y2: bottom });
    make(stage, "text", { class: "breakname", x: x - 6, y: TOP + 4 }, story.broken.promise + " is broken");
  }
  if (selected >= 0) {
    const x = xOf(story.events[selected].at);
    make(stage, "line", { class: "cursor", x1: x, x2: x, y1: TOP - 8, y2: bottom });
  }
}

function drawAxis(left, right) {
  const axis = make(svg, "g", { class: "axis" });
  const count = Math.max(2, Math.floor(width() / 130));
  let last = "";
  for (let i = 0; i <= count; i++) {
    const at = moment(view.from + ((view.to - view.from) * i) / count);
    const digits = right - left < 0.02 ? 6 : right - left < 2 ? 4 : 3;
    const text = at.toFixed(digits) + " s";
    if (text === last) continue;
    last = text;
    make(axis, "line", { x1: xOf(at), x2: xOf(at), y1: TOP - 10, y2: bottom });
    if (i < count) make(axis, "text", { x: xOf(at) + 3, y: TOP - 14 }, text);
  }
}

function drawBand(stage, band) {
  const lane = lanes[band.lane], x = xOf(band.from);
  const rect = make(stage, "rect", { class: "band " + band.trouble, x, y: lane.top, width: Math.max(xOf(band.to) - x, 3), height: lane.height });
  hover(rect, () => `${band.words}\n${clock(band.from)} to ${clock(band.to)}`);
}

function drawBar(stage, bar) {
  const lane = lanes[bar.lane], x = xOf(bar.from), y = lane.bars + bar.row * (BAR + 3);
  const wide = Math.max(xOf(bar.to) - x, 4);
  const group = make(stage, "g", { class: "bar " + bar.fate, "data-attempt": bar.attempt });
  make(group, "rect", { x, y, width: wide, height: BAR });
  const room = Math.min(xOf(bar.to), NAMES + width()) - Math.max(x, NAMES);
  if (room > bar.attempt.length * 6.4 + 8) make(group, "text", { x: Math.max(x, NAMES) + 5, y: y + 12.5 }, bar.attempt);
  hover(group, () => `${bar.attempt}, ${bar.fate}\n${clock(bar.from)} to ${clock(bar.to)}`);
}

function drawLink(stage, link, index, inside) {
  const sent = story.events[link.sent], ended = link.ended === null ? null : story.events[link.ended];
  if (sent.routine && !$("heartbeats").checked) return;
  const to = ended ? ended.at : story.end;
  if (!inside(sent.at, to) || sent.peer === null) return;
  const x1 = xOf(sent.at), y1 = lanes[sent.lane].y, x2 = xOf(to), y2 = lanes[sent.peer].y;
  const share = link.end === "arrived" || link.end === "unheard" ? 1 : 0.5, ex = x1 + (x2 - x1) * share, ey = y1 + (y2 - y1) * share;
  const chosen = selected === link.sent || selected === link.ended ? " chosen" : "";
  const line = make(stage, "path", { class: `link ${link.end}${chosen}`, d: `M${x1},${y1} L${ex},${ey}`, "data-link": index });
  if (link.end === "arrived") line.setAttribute("marker-end", "url(#head)");
  if (link.end === "vanished") make(stage, "path", { class: "lost", d: `M${ex - 4},${ey - 4} l8,8 m0,-8 l-8,8` });
  hover(line, () => `${sent.words}\n${clock(sent.at)}${ended ? " to " + clock(ended.at) : ", still under way"}`);
  line.addEventListener("click", () => select(link.sent, false));
}

function drawEvent(stage, event, index, seen) {
  const all = event.lane === null ? lanes.map((_, lane) => lane) : [event.lane];
  for (const lane of all) {
    const x = xOf(event.at), y = lanes[lane].y;
    // Of file steps and ends of messages that would lie on top of each other one stands for all.
    const key = lane + ":" + Math.round(x / 4);
    const quiet = FILE.includes(event.kind) || MESSAGE.includes(event.kind);
    if (quiet && seen.has(key) && index !== selected) continue;
    seen.set(key, index);
    const style = MESSAGE.includes(event.kind) ? "message" : tone(event);
    const glyph = make(stage, "text", { class: "event " + style, x, y: FAULT.includes(event.kind) ? y - 13 : y, "data-event": index }, event.glyph);
    hover(glyph, () => `${event.words}\n${clock(event.at)}`);
    glyph.addEventListener("click", () => select(index, false));
  }
}

function hover(element, words) {
  element.addEventListener("pointerenter", (pointer) => {
    tip.textContent = words();
    tip.hidden = false;
    const frame = svg.parentElement.getBoundingClientRect();
    tip.style.left = Math.min(pointer.clientX - frame.left + 14, frame.width - 440) + "px";
    tip.style.top = pointer.clientY - frame.top + 14 + "px";
  });
  element.addEventListener("pointerleave", () => { tip.hidden = true; });
}

// The list.
let listed = [];
function fill() {
  const wanted = $("filter").value.trim().toLowerCase().split(/\s+/).filter(Boolean);
  const nameOf = (event) => (event.lane === null ? "" : story.nodes[event.lane]);
  const text = (event) => `${nameOf(event)} ${event.words} ${event.attempt || ""}`.toLowerCase();
  listed = story.events.map((_, index) => index)
    .filter((index) => shown(story.events[index]) && wanted.every((word) => text(story.events[index]).includes(word)));
  const rows = document.createDocumentFragment();
  for (const index of listed) {
    const event = story.events[index], item = document.createElement("li");
    item.id = "event-" + index;
    item.setAttribute("role", "option");
    item.setAttribute("aria-selected", index === selected);
    for (const [tag, words, style] of [["time", event.at.toFixed(6), ""], ["span", event.glyph, tone(event)], ["span", (MESSAGE.includes(event.kind) ? "" : nameOf(event) + " ") + event.words, tone(event) === "file" ? "faint" : tone(event)]]) {
      const cell = document.createElement(tag);
      cell.textContent = words;
      cell.className = style;
      item.append(cell);
    }
    item.addEventListener("click", () => select(index, true));
    rows.append(item);
  }
  list.replaceChildren(rows);
  $("count").textContent = `${listed.length} of ${story.events.length}`;
}

function select(index, show) {
  const before = $("event-" + selected), after = $("event-" + index);
  if (before) before.setAttribute("aria-selected", "false");
  selected = index;
  if (after) {
    after.setAttribute("aria-selected", "true");
    after.scrollIntoView({ block: "nearest" });
    list.setAttribute("aria-activedescendant", after.id);
  }
  const at = place(story.events[index].at), span = view.to - view.from;
  if (show && (at < view.from + span * 0.05 || at > view.to - span * 0.05)) look(at - span / 2, at + span / 2);
  else draw();
}
function step(by) {
  if (listed.length === 0) return;
  const here = listed.indexOf(selected);
  const next = here < 0 ? (by > 0 ? 0 : listed.length - 1) : Math.min(Math.max(here + by, 0), listed.length - 1);
  select(listed[next], true);
}

// The view.
function look(from, to) {
  const least = whole() / 1e6, span = Math.min(Math.max(to - from, least), whole());
  const start = Math.min(Math.max(from, 0), whole() - span);
  view = { from: start, to: start + span };
  draw();
}
function zoom(factor, around) {
  const at = around === undefined ? (view.from + view.to) / 2 : around;
  look(at - (at - view.from) * factor, at + (view.to - at) * factor);
}
const everything = () => look(0, whole());
function goToBreak() {
  const end = place(story.end), span = whole() / 12;
  look(end - span * 0.9, end + span * 0.1);
  if (story.events.length) select(story.events.length - 1, false);
}

svg.addEventListener("wheel", (wheel) => {
  wheel.preventDefault();
  const span = view.to - view.from;
  const at = view.from + ((wheel.clientX - svg.getBoundingClientRect().left - NAMES) / width()) * span;
  if (Math.abs(wheel.deltaX) > Math.abs(wheel.deltaY)) look(view.from + (wheel.deltaX / width()) * span, view.to + (wheel.deltaX / width()) * span);
  else zoom(Math.exp(wheel.deltaY * 0.0015), at);
}, { passive: false });
svg.addEventListener("pointerdown", (down) => {
  const { from, to } = view;
  svg.classList.add("dragging");
  const move = (pointer) => {
    const by = ((down.clientX - pointer.clientX) / width()) * (to - from);
    if (Math.abs(pointer.clientX - down.clientX) > 2) look(from + by, to + by);
  };
  const up = () => { svg.classList.remove("dragging"); removeEventListener("pointermove", move); removeEventListener("pointerup", up); };
  addEventListener("pointermove", move);
  addEventListener("pointerup", up);
});
for (const id of ["messages", "heartbeats", "files"]) $(id).addEventListener("change", () => { fill(); draw(); });
$("truetime").addEventListener("change", everything);
$("in").addEventListener("click", () => zoom(0.6));
$("out").addEventListener("click", () => zoom(1 / 0.6));
$("all").addEventListener("click", everything);
$("break").addEventListener("click", goToBreak);
$("filter").addEventListener("input", fill);
addEventListener("resize", draw);
const KEYS = {
  ArrowRight: () => step(1), ArrowLeft: () => step(-1), ArrowDown: () => step(1), ArrowUp: () => step(-1),
  Home: () => listed.length && select(listed[0], true), End: () => listed.length && select(listed[listed.length - 1], true),
  "+": () => zoom(0.6), "=": () => zoom(0.6), "-": () => zoom(1 / 0.6), 0: everything, b: goToBreak, "/": () => $("filter").focus(),
  m: () => $("messages").click(), h: () => $("heartbeats").click(), f: () => $("files").click(), t: () => $("truetime").click(),
};
addEventListener("keydown", (key) => {
  if (key.target === $("filter")) { if (key.key === "Escape") list.focus(); return; }
  if (key.ctrlKey || key.metaKey || key.altKey || !KEYS[key.key]) return;
  key.preventDefault();
  KEYS[key.key]();
});

document.title = $("title").textContent = story.title;
const verdict = $("verdict");
if (story.broken) {
  const name = document.createElement("b");
  name.textContent = story.broken.promise;
  verdict.append(name, `: ${story.broken.in_words}\n${story.broken.what}`);
} else verdict.textContent = `every promise was kept · ${story.events.length} events in ${story.end.toFixed(3)} s of virtual time`;
for (const [kind, style, words] of [["rect", "bar committed", "counts"], ["rect", "bar failed", "failed"], ["rect", "bar died", "died"], ["rect", "bar superseded", "superseded"], ["rect", "bar unfinished", "unfinished"],
  ["band", "band network", "network"], ["band", "band disk", "disk"], ["band", "band paused", "stands still"], ["band", "band down", "down"], ["band", "band slow", "slow"]]) {
  const item = document.createElement("li"), sample = make(item, "svg", {});
  if (kind === "rect") make(make(sample, "g", { class: style }), "rect", { x: 1, y: 1, width: 20, height: 10 });
  else make(sample, "rect", { class: style, width: 22, height: 12 });
  item.append(words);
  $("legend").append(item);
}
view = { from: 0, to: whole() };
fill();
draw();
if (story.broken) list.scrollTop = list.scrollHeight;
