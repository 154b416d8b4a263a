/** Solving on this device, from the page's side: loads runtime and models once, then needs no network. Knows the worker's messages and the models' addresses. */

import { familyOf } from "../families.js";
import { Problem } from "../problem.js";
import { fetched, headers, problemOf } from "../server.js";

const TIMEOUT_MS = 120_000;
const FAMILIES = ["sudoku", "maze"];

let worker;
let loading;
let last = 0;
const asked = new Map();

/** Load what solving here needs, once; later calls wait for the same. Throws `Problem`. */
export function load() {
  loading ??= start().catch((error) => {
    loading = undefined;
    throw error;
  });
  return loading;
}

async function start() {
  const { models } = await (await asking("/v1/models")).json();
  const wanted = models.filter((model) => FAMILIES.includes(model.type));
  const bytes = await Promise.all(wanted.map(async ({ name }) => new Uint8Array(await (await asking(`/v1/models/${name}/step.onnx`)).arrayBuffer())));
  worker ??= started();
  await ask({ kind: "load", models: wanted.map((model, index) => ({ ...model, bytes: bytes[index] })) });
}

async function asking(path) {
  const response = await fetched(path, { headers: headers() });
  if (!response.ok) throw problemOf(await response.json().catch(() => ({ detail: response.statusText, status: response.status })), response);
  return response;
}

function started() {
  const made = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
  made.onmessage = ({ data: { kind, number, told, detail } }) => {
    const one = asked.get(number);
    if (kind === "step") one.onStep?.(told);
    if (kind === "done") one.resolve(told);
    if (kind === "failed") one.reject(new Problem(`On this device: ${detail}`));
  };
  made.onerror = () => asked.forEach(({ reject }) => reject(new Problem("The solver on this device could not be started.")));
  return made;
}

function ask(message, onStep) {
  const number = ++last;
  return new Promise((resolve, reject) => {
    asked.set(number, { resolve, reject, onStep });
    worker.postMessage({ ...message, number });
  }).finally(() => asked.delete(number));
}

/** Solve here and see each step: calls `onStep`, returns the result. Nothing is sent to anybody. */
export async function solve(puzzle, { signal, onStep }) {
  familyOf(puzzle).check(puzzle);
  await load();
  signal.throwIfAborted();
  signal.addEventListener("abort", () => worker.postMessage({ kind: "stop" }), { once: true });
  const result = await ask({ kind: "solve", puzzle, timeoutMs: TIMEOUT_MS }, onStep);
  signal.throwIfAborted();
  return { ...result, status: result.verified ? "solved" : "unsolved", cache: "bypass", where: "device" };
}
