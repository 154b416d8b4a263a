/**
 * How one puzzle is solved on this device: attempts, steps and halting by the rules, as the server's engine does. Knows no ONNX and no page.
 *
 * The first attempt is the server's, number for number. Later ones begin with guesses and run on symmetric copies, as there, but chance picks others.
 */

import { chance, seedOf } from "../chance.js";

const PATIENCE = 64; // steps that a maze goes on after its first right answer that is not the shortest

export const sigmoid = (logit) => 1 / (1 + Math.exp(-logit));

/**
 * Solve `question` (tokens). `stepper` has `load(tokens)` and `await step()`, which gives `{answer, halt, doubt}`, the latter two logits.
 * `onStep` may return a promise, which is waited for; once `stopped()` is true nothing more happens and the result is null.
 */
export async function solve(question, rules, stepper, { maxSteps, attempts, guesses, timeoutMs, onStep, stopped }) {
  const end = performance.now() + timeoutMs;
  const supposed = guesses && rules.guesses(question, guesses.cells, guesses.among, chance(seedOf(question, 0)));
  const doubt = guesses && guesses.doubt < 1 ? Math.log(guesses.doubt / (1 - guesses.doubt)) : Infinity;
  let best = { flaws: [Infinity, 0] };
  let [steps, since, verified] = [0, 0, false];
  for (let attempt = 1; ; attempt++) {
    const copy = attempt === 1 ? null : rules.symmetry(chance(seedOf(question, attempt)));
    const guessing = guesses && attempt > 1;
    stepper.load(applied(copy, guessing ? (supposed.next().value ?? question) : question));
    const most = guessing ? Math.min(maxSteps, guesses.steps) : maxSteps;
    for (let step = 1; ; step++) {
      const told = await stepper.step();
      const answer = restored(copy, told.answer);
      steps += 1;
      since += verified ? 1 : 0;
      await onStep({ attempt, step, cells: answer, haltProbability: sigmoid(told.halt) });
      if (stopped()) return null;
      const broken = rules.violations(question, answer);
      const flaws = [broken, broken ? 0 : rules.excess(question, answer)];
      verified ||= broken === 0;
      const reason = reasonToEnd(flaws, since, performance.now() >= end, step >= most || (guessing && told.doubt > doubt));
      if ((reason || broken === 0) && before(flaws, best.flaws)) best = { flaws, cells: answer, haltProbability: sigmoid(told.halt) };
      if (reason === "verified" || reason === "deadline" || (reason && attempt === attempts)) {
        const right = best.flaws[0] === 0;
        // a right answer that no better one followed ends as verified, however its last attempt ended
        const haltReason = right && reason === "max_steps" ? "verified" : reason;
        return { cells: best.cells, verified: right, optimal: right && best.flaws[1] === 0, haltProbability: best.haltProbability, haltReason, steps, attempts: attempt };
      }
      if (reason) break;
    }
  }
}

function reasonToEnd([broken, excess], since, late, spent) {
  if ((broken === 0 && excess === 0) || since >= PATIENCE) return "verified";
  if (late) return "deadline";
  return spent ? "max_steps" : null;
}

const before = ([one, other], [best, second]) => one < best || (one === best && other < second);

/** The symmetric copy of a grid: cell i of it is cell `positions[i]`, its token renamed. */
export function applied(copy, tokens) {
  return copy ? Uint8Array.from(copy.positions, (position) => copy.renaming[tokens[position]]) : tokens;
}

/** The grid of which `tokens` is the symmetric copy. */
export function restored(copy, tokens) {
  if (!copy) return tokens;
  const original = new Uint8Array(tokens.length);
  copy.positions.forEach((position, cell) => (original[position] = copy.renaming.indexOf(tokens[cell])));
  return original;
}
