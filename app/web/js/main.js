/** The page: what is chosen, drawn and pressed, and who does it. Knows all the parts; each of them knows only its own. */

import { Board } from "./board.js";
import { offer } from "./controls.js";
import { Curve } from "./curve.js";
import { examplesOf } from "./examples.js";
import { carried, families, familyOf, fragment, parse } from "./families.js";
import { Problem } from "./problem.js";
import { caption, count, describe, verdict } from "./result.js";
import { access, answer, watch } from "./server.js";
import { themed } from "./theme.js";
import { Timeline } from "./timeline.js";
import * as device from "./device/client.js";
import { carve } from "./carving.js";
import { place } from "./maze.js";

const $ = (id) => document.getElementById(id);
const chosen = (name) => document.querySelector(`input[name=${name}]:checked`).value;
const SOLVERS = { watch, answer, device: device.solve };
const still = matchMedia("(prefers-reduced-motion: reduce)");

let puzzle;
let wrong = new Set();
let addressing; // the timer that will change the address
let drawing = null; // the animation frame that will draw
let run = null; // the AbortController of the solve in progress

const timeline = new Timeline(draw);
const board = new Board($("board"), edit);
const curve = new Curve($("curve"), seek);

// ---- the puzzle

/** Take another puzzle, and forget what was solved. */
function take(other, { keepText = false } = {}) {
  run?.abort();
  run = null;
  [puzzle, wrong] = [other, new Set()];
  timeline.clear(puzzle);
  complain(null);
  $("status").textContent = "";
  if (!keepText) $("text").value = familyOf(puzzle).toText(puzzle);
  $("text-problem").textContent = "";
  address();
  offer(puzzle, (token) => edit(board.at, token));
  $("example").value = "";
  board.brush = puzzle.family === "maze" ? Number(chosen("brush")) : null;
  draw();
}

/** Let the address carry the puzzle; soon, since browsers refuse too many changes of it at once. */
function address() {
  clearTimeout(addressing);
  addressing = setTimeout(() => history.replaceState(null, "", fragment(puzzle)), 300);
}

/** A cell was typed or drawn into. */
function edit(index, token) {
  take(puzzle.family === "maze" ? place(puzzle, index, token) : { ...puzzle, cells: puzzle.cells.with(index, token) });
}

function example(name) {
  const found = examplesOf(puzzle.family, puzzle.height).find(([each]) => each === name);
  if (!found) return;
  take(found[1]());
  $("example").value = name;
}

/** A new maze of the same kind. */
function another() {
  const kind = $("example").value;
  take(carve(puzzle.height === puzzle.width ? puzzle.height : 15, kind === "With rooms"));
  $("example").value = kind;
}

function sized(family, side) {
  const [[name, make]] = examplesOf(family, side);
  take(make());
  $("example").value = name;
}

function read(text) {
  try {
    take(parse(text), { keepText: true });
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    $("text-problem").textContent = error.message;
  }
}

// ---- solving

async function solve() {
  const [mine, way] = [new AbortController(), chosen("way")];
  run = mine;
  timeline.clear(puzzle);
  wrong = new Set();
  complain(null);
  $("status").textContent = "Thinking …";
  draw();
  if (!still.matches) timeline.play();
  try {
    const result = await SOLVERS[way](puzzle, { signal: mine.signal, onStep: (step) => run === mine && stepped(step) });
    if (run !== mine) return;
    timeline.finish(result);
    $("status").textContent = said(result);
    if (still.matches) timeline.seek(timeline.last);
  } catch (error) {
    if (run !== mine) return;
    timeline.pause();
    if (error.name === "AbortError") $("status").textContent = "Stopped.";
    else complain(error);
  } finally {
    if (run === mine) run = null;
    draw();
  }
}

function stepped(step) {
  timeline.push(step);
  if (still.matches) timeline.place = timeline.last;
  drawing ??= requestAnimationFrame(draw); // steps may come faster than they can be drawn
}

function said(result) {
  const [, title, sentence] = verdict(result);
  return `${title}: ${sentence}${timeline.frames.length > 1 && !still.matches ? " Shown slowly." : ""}`;
}

/** Say what is wrong, in place; null takes it back. */
function complain(error) {
  $("problem").hidden = !error;
  if (!error) return;
  if (!(error instanceof Problem)) console.error(error);
  const again = error.retryAfter ? ` Try again in ${count(Number(error.retryAfter), "second")}.` : "";
  $("status").textContent = "";
  $("problem-text").textContent = error.message + again;
  $("access").hidden = ![401, 403].includes(error.status);
  wrong = error instanceof Problem ? error.cells(puzzle.width) : new Set();
}

// ---- what is seen

function draw() {
  cancelAnimationFrame(drawing);
  drawing = null;
  const { frame, result, last } = timeline;
  board.show(puzzle, frame, wrong);
  curve.draw(timeline);
  const finished = Boolean(result) && timeline.atEnd && !timeline.playing;
  $("board").classList.toggle("solved", finished && result.verified === true);
  Object.assign($("place"), { max: last, value: timeline.place, disabled: !last });
  $("place").setAttribute("aria-valuetext", caption(frame, last));
  $("caption").textContent = caption(frame, last);
  Object.assign($("play"), { disabled: !last, textContent: timeline.playing ? "Pause" : "Play" });
  $("solve").textContent = run ? "Stop" : "Solve"; // one button, so that the focus stays on it
  $("solve").classList.toggle("stop", Boolean(run));
  $("result").hidden = !finished;
  if (!finished) return;
  const [kind, title, sentence] = verdict(result);
  $("result").dataset.kind = kind;
  $("verdict").textContent = title;
  $("sentence").textContent = sentence;
  describe($("figures"), result);
}

function seek(at) {
  timeline.pause();
  timeline.seek(at);
}

function playOrPause() {
  if (timeline.playing) timeline.pause();
  else {
    if (timeline.atEnd) timeline.place = 0;
    timeline.play();
  }
  draw();
}

/** Load what solving here needs as soon as it is chosen, so that the network may go away. */
async function prepareDevice() {
  const note = $("device-note");
  note.textContent = "Loading the model, once …";
  try {
    await device.load();
    note.textContent = "Ready. Nothing leaves it; no network needed.";
  } catch (error) {
    note.textContent = "The same model, in your browser.";
    complain(error);
    draw();
  }
}

// ---- wiring

const on = (id, kind, act) => $(id).addEventListener(kind, act);
document.querySelectorAll("input[name=family]").forEach((input) => input.addEventListener("change", () => sized(input.value, input.value === "maze" ? 10 : 9)));
document.querySelectorAll("input[name=brush]").forEach((input) => input.addEventListener("change", () => (board.brush = Number(input.value))));
document.querySelectorAll("input[name=way]").forEach((input) => input.addEventListener("change", () => input.value === "device" && prepareDevice()));
on("size", "change", ({ target }) => target.value && sized(puzzle.family, Number(target.value)));
on("example", "change", ({ target }) => example(target.value));
on("carve", "click", another);
on("clear", "click", () => take(families[puzzle.family].empty(puzzle.height)));
on("text", "input", ({ target }) => read(target.value));
on("solve", "click", () => (run ? run.abort() : solve()));
on("play", "click", playOrPause);
on("place", "input", ({ target }) => seek(Number(target.value)));
on("access", "submit", (event) => {
  event.preventDefault();
  access.key = $("key").value.trim();
  solve();
});
on("link", "click", async () => {
  const link = new URL(fragment(puzzle), location.href).href;
  try {
    await navigator.clipboard.writeText(link);
    $("text-problem").textContent = "Copied.";
  } catch {
    $("text-problem").textContent = link; // there is no clipboard where the connection is not secure, or where it is forbidden
  }
});
document.addEventListener("paste", (event) => {
  if (event.target.matches("textarea, input")) return;
  $("text").value = event.clipboardData.getData("text");
  read($("text").value);
});
window.addEventListener("hashchange", open);
themed($("theme"));
open();

/** Show the puzzle that the address carries, or an example. */
function open() {
  try {
    const found = carried(location.hash);
    if (found) {
      take(found);
      return;
    }
    sized("sudoku", 9);
  } catch (error) {
    sized("sudoku", 9);
    complain(error instanceof Problem ? new Problem(`The link carries no puzzle that can be read. ${error.message}`) : error);
  }
}
