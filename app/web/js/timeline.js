/** The steps of one solve and the place in them that is shown: 0 is the puzzle, then one place a step. Knows no page and no solver. */

const LONGEST_MS = 420;
const SHORTEST_MS = 24;
const WHOLE_MS = 5000;
const WAITING_MS = 40;
const SETTLED = 0xffff;

export class Timeline {
  /** `onChange` is called whenever there is something else to see. */
  constructor(onChange) {
    this.onChange = onChange;
    this.clear(null);
  }

  /** Begin anew with a puzzle. */
  clear(puzzle) {
    this.pause();
    Object.assign(this, { puzzle, frames: [], result: null, place: 0 });
  }

  get last() {
    return this.frames.length;
  }

  get atEnd() {
    return this.place === this.last;
  }

  /** What is shown: `{cells, changed, age, ...}`, or null for the puzzle itself. */
  get frame() {
    return this.frames[this.place - 1] ?? null;
  }

  /** Take a step: which cells changed, and for how many steps of this attempt each has stood, are found here. */
  push(step) {
    const before = this.frames.at(-1);
    const old = before?.cells ?? this.puzzle.cells;
    const goesOn = before?.attempt === step.attempt;
    const changed = new Set([...step.cells.keys()].filter((cell) => step.cells[cell] !== old[cell]));
    const age = Uint16Array.from(step.cells, (_, cell) => (goesOn && !changed.has(cell) ? before.age[cell] + 1 : 0));
    this.frames.push({ ...step, changed, age });
  }

  /** Take the result. Where the answer is not the last step's, it is a place of its own, of which nothing is new. */
  finish(result) {
    const shown = this.frames.at(-1);
    if (!shown || result.cells.some((token, cell) => token !== shown.cells[cell])) {
      this.frames.push({ ...result, attempt: 0, step: 0, changed: new Set(), age: new Uint16Array(result.cells.length).fill(SETTLED) });
    }
    this.result = result;
  }

  /** Show a place. */
  seek(place) {
    this.place = Math.max(0, Math.min(this.last, place));
    this.onChange();
  }

  get playing() {
    return this.timer !== undefined;
  }

  /** Go forward by itself, at a pace that shows the whole in some seconds, and wait at the end for steps that are still to come. */
  play() {
    this.pause();
    let since = performance.now();
    const tick = () => {
      const pace = Math.max(SHORTEST_MS, Math.min(LONGEST_MS, WHOLE_MS / (this.last || 1)));
      const due = Math.floor((performance.now() - since) / pace); // more than one where drawing is slow
      const waited = this.atEnd;
      this.place = Math.min(this.last, this.place + (this.place ? due : 1));
      if (due || waited) since = performance.now();
      if (waited && this.result) this.pause();
      else this.timer = setTimeout(tick, this.atEnd ? WAITING_MS : pace);
      this.onChange();
    };
    this.timer = setTimeout(tick, 0);
  }

  pause() {
    clearTimeout(this.timer);
    this.timer = undefined;
  }
}
