/** What comes of a solve, in words and figures. Knows steps and results; no solving. */

const REASONS = {
  verified: "right by the rules",
  learned: "the model is sure",
  max_steps: "no steps left",
  deadline: "time is up",
};
const CACHES = { hit: "hit", miss: "miss", coalesced: "shared in flight", bypass: "not asked" };

export const milliseconds = (ms) => (ms < 10 ? `${ms.toFixed(1)} ms` : ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`);

/** The verdict: `[kind, title, sentence]`. */
export function verdict({ verified, optimal, steps, attempts, timing, where, cache }) {
  const effort = `${count(steps, "step")}, ${count(attempts, "attempt")}`;
  const time = cache === "hit" ? `remembered, answered in ${milliseconds(timing.total_ms)}` : `${milliseconds(timing.solve_ms)} of thinking`;
  const told = `${effort}, ${time}${where === "device" ? ", on this device" : ""}.`;
  if (!verified) return ["unsolved", "Not solved", `The best grid so far, after ${told}`];
  if (optimal === false) return ["verified", "Verified", `A right way, though not the shortest. ${told}`];
  return ["verified", "Verified", `${optimal ? "A shortest way. " : ""}${told}`];
}

export const count = (number, word) => `${number.toLocaleString("en")} ${word}${number === 1 ? "" : "s"}`;

/** What is shown at a place of the timeline; null is the puzzle itself, of a timeline of so many steps. */
export function caption(frame, last) {
  if (!frame) return last ? "The puzzle" : "";
  if (!frame.step) return "The answer";
  const { attempt, step, changed, haltProbability } = frame;
  return `Attempt ${attempt}, step ${step}: ${count(changed.size, "cell")} changed, ${Math.round(haltProbability * 100)} % sure to halt`;
}

/** Fill a `dl` with the figures of a result. */
export function describe(list, result) {
  const { timing } = result;
  const figures = [
    ["Steps", result.steps.toLocaleString("en")],
    ["Attempts", result.attempts.toLocaleString("en")],
    ["Halted because", REASONS[result.haltReason]],
    ["Halting probability", `${(result.haltProbability * 100).toFixed(1)} %`],
    ["Thinking", milliseconds(timing.solve_ms)],
    ["Waiting", milliseconds(timing.queue_ms)],
    ["In all", milliseconds(timing.total_ms)],
    ["Cache", result.where === "device" ? "none on this device" : CACHES[result.cache]],
    ["Model", `${result.model} ${result.version}`],
  ];
  list.replaceChildren(
    ...figures.map(([name, value]) => {
      const row = document.createElement("div");
      row.append(tagged("dt", name), tagged("dd", value));
      return row;
    }),
  );
}

function tagged(name, text) {
  const made = document.createElement(name);
  made.textContent = text;
  return made;
}
