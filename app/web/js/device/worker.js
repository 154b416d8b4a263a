/** The thread beside the page that holds the runtime and the models. Answers messages of `device/client.js`; asks the network once, to load. */

import { familyOf } from "../families.js";
import { cropped, padded } from "../maze.js";
import { solve } from "./loop.js";
import { open } from "./stepper.js";

const RUNTIME = new URL("../../runtime/ort.wasm.bundle.min.mjs", import.meta.url);
const MODULE = new URL("../../runtime/ort-wasm-simd-threaded.wasm", import.meta.url);
const GRID_STEP = 5;

let ort;
let models = [];
let wanted = 0; // the number of the solve that the page waits for

self.onmessage = async ({ data: { kind, number, ...given } }) => {
  if (kind === "stop") {
    wanted = 0;
    return;
  }
  try {
    const told = kind === "load" ? await load(given) : await answer(number, given);
    self.postMessage({ kind: "done", number, told });
  } catch (error) {
    self.postMessage({ kind: "failed", number, detail: error.message });
  }
};

/** Load the runtime and these models, each `{name, bytes, ...}`, and take a step with each, so that nothing is left to load. */
async function load(given) {
  ort ??= await import(RUNTIME).catch(() => {
    throw new Error("the runtime for browsers is not to be had from this server; its operator can fetch it with app/web/fetch_runtime");
  });
  ort.env.wasm.numThreads = 1; // more need headers that would cut the page off from others
  ort.env.wasm.wasmPaths = { wasm: MODULE.href };
  models = [];
  for (const { bytes, ...about } of given.models) models.push({ ...about, session: await open(ort, bytes) });
}

async function answer(number, { puzzle, timeoutMs }) {
  wanted = number;
  const started = performance.now();
  const model = resolved(puzzle);
  const [tall, wide] = gridOf(model, puzzle);
  const whole = puzzle.family === "maze" ? padded(puzzle, tall, wide) : puzzle.cells;
  const seen = (cells) => (puzzle.family === "maze" ? cropped(cells, wide, puzzle) : cells);
  const result = await solve(whole, familyOf(puzzle).rules(tall, wide), model.session.on(tall, wide), {
    maxSteps: model.defaults.max_steps,
    attempts: model.defaults.attempts,
    guesses: model.guesses,
    timeoutMs,
    onStep: (step) => {
      self.postMessage({ kind: "step", number, told: { ...step, cells: seen(step.cells) } });
      return breath();
    },
    stopped: () => wanted !== number,
  });
  if (!result) return null;
  const ms = performance.now() - started;
  const optimal = puzzle.family === "maze" ? result.optimal : undefined;
  return { ...result, optimal, cells: seen(result.cells), model: model.name, version: model.version, timing: { queue_ms: 0, solve_ms: ms, total_ms: ms } };
}

/** The model with the smallest grid that reads the puzzle, of several the one with the family's name, as the server picks it. */
function resolved({ family, height, width }) {
  const reads = (model) => (family === "maze" ? height <= model.height && width <= model.width : height === model.height && width === model.width);
  const order = (one, other) => one.height * one.width - other.height * other.width || (other.name === family) - (one.name === family);
  const fitting = models.filter((model) => model.type === family && reads(model)).sort(order);
  if (!fitting.length) throw new Error(`no model for a ${height}x${width} ${family} is served here`);
  return fitting[0];
}

/** The grid that the puzzle is put on: weights of mixer `local` fit every size, so a small maze goes onto a small one. */
function gridOf({ arch, height, width }, puzzle) {
  const fitting = Math.max(GRID_STEP, Math.ceil(Math.max(puzzle.height, puzzle.width) / GRID_STEP) * GRID_STEP);
  return arch.mixer === "local" && fitting < Math.min(height, width) ? [fitting, fitting] : [height, width];
}

/** Let messages in, such as one to stop: a turn of the event loop. */
function breath() {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}
