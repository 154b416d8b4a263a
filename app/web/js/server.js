/** Solving on the server: `POST /v1/solve/stream` and `POST /v1/solve`. Knows their JSON and events; no page. */

import { familyOf } from "./families.js";
import { Problem } from "./problem.js";

const TIMEOUT_MS = 60_000;
const BROKEN = "The connection to the server broke before its answer. Solve again, or on this device.";

/** An API key, where the server wants one; it is kept in this page only. */
export const access = { key: "" };

export function headers(given = {}) {
  return access.key ? { ...given, "X-API-Key": access.key } : given;
}

/** Solve and see each step: calls `onStep({attempt, step, cells, haltProbability})`, returns the result. Nothing comes from the cache. */
export async function watch(puzzle, { signal, onStep }) {
  const response = await post("/v1/solve/stream", puzzle, {}, signal);
  for await (const { name, data } of whole(events(response.body))) {
    if (name === "step") onStep({ ...stepOf(data), cells: familyOf(puzzle).fromGrid(data.grid) });
    if (name === "result") return resultOf(data, puzzle);
    if (name === "error") throw problemOf(data);
  }
  throw new Problem(BROKEN);
}

/** Solve and get the answer only, which the server may remember. */
export async function answer(puzzle, { signal }) {
  const response = await post("/v1/solve", puzzle, {}, signal);
  const body = await response.json().catch((error) => Promise.reject(broken(error)));
  return resultOf(body, puzzle);
}

async function post(path, puzzle, options, signal) {
  const body = { puzzle: { type: puzzle.family, grid: familyOf(puzzle).toGrid(puzzle) }, options: { timeout_ms: TIMEOUT_MS, ...options } };
  const response = await fetched(path, { method: "POST", headers: headers({ "content-type": "application/json" }), body: JSON.stringify(body), signal });
  if (!response.ok) throw problemOf(await response.json().catch(() => ({ detail: response.statusText, status: response.status })), response);
  return response;
}

/** `fetch`, whose failure to reach the server is a problem as any other. */
export async function fetched(path, request) {
  try {
    return await fetch(path, request);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem("The server cannot be reached. On this device solves without it, once loaded.");
  }
}

export function problemOf(body, response = null) {
  const pointers = (body.errors ?? []).map(({ pointer }) => pointer);
  return new Problem(body.detail ?? body.title, { status: body.status, retryAfter: response?.headers.get("retry-after"), pointers });
}

const stepOf = ({ attempt, step, halt_probability }) => ({ attempt, step, haltProbability: halt_probability });

function resultOf(body, puzzle) {
  return {
    ...stepOf(body),
    cells: familyOf(puzzle).fromGrid(body.solution),
    status: body.status,
    verified: body.verified,
    optimal: body.optimal,
    steps: body.steps,
    attempts: body.attempts,
    haltReason: body.halt_reason,
    model: body.model,
    version: body.model_version,
    cache: body.cache,
    timing: body.timing,
    where: "server",
  };
}

/** What is read of a connection, whose end before its time is a problem as any other. */
async function* whole(parts) {
  try {
    yield* parts;
  } catch (error) {
    throw broken(error);
  }
}

const broken = (error) => (error.name === "AbortError" ? error : new Problem(BROKEN));

/** The server-sent events of a body; `data` is read as JSON. */
async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const blocks = (rest + value).split(/\r?\n\r?\n/);
    rest = blocks.pop();
    for (const block of blocks) {
      const fields = Object.fromEntries(block.split(/\r?\n/).map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim()]));
      if (fields.data) yield { name: fields.event, data: JSON.parse(fields.data) };
    }
  }
}
