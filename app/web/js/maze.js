/**
 * Mazes of 5x5 to 30x30: text, tokens, rules and copies. Knows no page, no model and no server.
 *
 * Tokens are the model's: 1 wall, 2 free, 3 start, 4 goal, 5 path.
 */

import { Problem } from "./problem.js";

export const [WALL, FREE, START, GOAL, PATH] = [1, 2, 3, 4, 5];
const SYMBOLS = { "#": WALL, " ": FREE, S: START, G: GOAL };
const WRITTEN = { [WALL]: "#", [START]: "S", [GOAL]: "G", [PATH]: "o" };
const SPOKEN = { [WALL]: "wall", [FREE]: "free", [START]: "start", [GOAL]: "goal", [PATH]: "path" };
const [SMALLEST, LARGEST] = [5, 30];

export const name = "maze";
export const sizes = [5, 10, 15, 20, 25, 30];

/** A field without walls, start and goal in opposite corners. */
export function empty(side) {
  const cells = new Uint8Array(side * side).fill(FREE);
  [cells[0], cells[cells.length - 1]] = [START, GOAL];
  return { family: name, height: side, width: side, cells };
}

/** Read rows of `#`, space (or `.`), `S` and `G`; short rows are filled up with free cells, and a path drawn with `o` is forgotten. */
export function parse(text) {
  const rows = text.replace(/^(\r?\n)+|(\r?\n)+$/g, "").split(/\r?\n/);
  const width = Math.max(...rows.map((row) => row.length));
  if (rows.length < SMALLEST || rows.length > LARGEST || width < SMALLEST || width > LARGEST) {
    throw new Problem(`A maze has ${SMALLEST} to ${LARGEST} rows and as many columns; this text has ${rows.length} rows of ${width}.`);
  }
  const symbols = rows.map((row) => row.padEnd(width).replace(/[.o]/g, " ").toUpperCase()).join("");
  const wrong = [...symbols].find((symbol) => !SYMBOLS[symbol]);
  if (wrong) throw new Problem(`“${wrong}” cannot stand in a maze; use # for a wall, a space, S and G.`);
  return { family: name, height: rows.length, width, cells: Uint8Array.from(symbols, (symbol) => SYMBOLS[symbol]) };
}

export function toGrid({ width, cells }) {
  const symbols = Array.from(cells, (token) => WRITTEN[token] ?? " ").join("");
  return Array.from({ length: cells.length / width }, (_, row) => symbols.slice(row * width, (row + 1) * width));
}

export const fromGrid = (grid) => Uint8Array.from(grid.join(""), (symbol) => (symbol === "o" ? PATH : SYMBOLS[symbol] ?? FREE));
export const toText = (puzzle) => toGrid(puzzle).join("\n");
/** Rows joined by `/`, walls as `x` and free cells as `.`: all characters that a link leaves as they are. */
export const toLink = (puzzle) => toGrid(puzzle).join("/").replaceAll("#", "x").replaceAll(" ", ".");
export const fromLink = (text) => parse(text.replaceAll("/", "\n").replaceAll("x", "#"));

/** The token that a key stands for. */
export function tokenOf(key) {
  return { "#": WALL, w: WALL, ".": FREE, Delete: FREE, Backspace: FREE, s: START, g: GOAL }[key.length === 1 ? key.toLowerCase() : key];
}

export const symbol = (token) => ({ [START]: "S", [GOAL]: "G" })[token] ?? "";
export const spoken = (token) => SPOKEN[token] ?? "nothing";
export const isGiven = (token) => token !== FREE;
export const kind = (question, answer) => (question === FREE ? { [PATH]: "path", [FREE]: "free" }[answer] ?? "odd" : SPOKEN[question]);
export const boxStart = () => [false, false];

/** Put a token into a cell; there is one start and one goal, so the old one becomes free. */
export function place(puzzle, index, token) {
  const cells = puzzle.cells.map((each) => (each === token && (token === START || token === GOAL) ? FREE : each));
  cells[index] = token;
  return { ...puzzle, cells };
}

/** Throw the problem that the server would tell of a maze without start, goal or a way. */
export function check({ height, width, cells }) {
  for (const [token, letter] of [[START, "S"], [GOAL, "G"]]) {
    const found = cells.filter((each) => each === token).length;
    if (found !== 1) throw new Problem(`a maze has one ${letter}; this one has ${found || "none"}`);
  }
  if (!shortest(cells, height, width)) {
    const [start, goal] = [START, GOAL].map((token) => cells.indexOf(token)).map((cell) => `r${Math.floor(cell / width) + 1}c${(cell % width) + 1}`);
    throw new Problem(`no path joins S in ${start} and G in ${goal}; a path goes up, down, left and right through free cells`);
  }
}

/** The rules of one size, for one grid at a time. An answer is the question with one path marked that is nowhere next to itself. */
export function rules(height, width) {
  return {
    /** Cells changed that may not be, plus cells of the path with a wrong number of neighbours on it, plus those that S does not reach. */
    violations(question, answer) {
      const end = (cell) => question[cell] === START || question[cell] === GOAL;
      const path = [...answer.keys()].filter((cell) => answer[cell] === PATH || end(cell));
      const on = new Set(path);
      const changed = answer.filter((token, cell) => token !== question[cell] && !(token === PATH && question[cell] === FREE)).length;
      const wrong = path.filter((cell) => around(cell, height, width).filter((next) => on.has(next)).length !== (end(cell) ? 1 : 2)).length;
      const reached = distances(question.indexOf(START), (cell) => on.has(cell), height, width);
      return changed + wrong + path.filter((cell) => !reached.has(cell)).length;
    },
    /** How many moves more than the shortest path a right answer takes. */
    excess: (question, answer) => answer.filter((token) => token === PATH).length + 1 - shortest(question, height, width),
    *guesses() {},
    /** One of the turns and reflections that keep the shape. */
    symmetry(random) {
      const [down, across] = [random() < 0.5, random() < 0.5];
      const turned = height === width && random() < 0.5;
      const positions = Array.from({ length: height * width }, (_, cell) => {
        let [row, column] = [Math.floor(cell / width), cell % width];
        if (turned) [row, column] = [column, row];
        return (down ? height - 1 - row : row) * width + (across ? width - 1 - column : column);
      });
      return { positions, renaming: Uint8Array.from([0, WALL, FREE, START, GOAL, PATH]) };
    },
  };
}

/** A maze in the upper left corner of a larger field, walls below it and to its right. */
export function padded({ height, width, cells }, tall, wide) {
  const grid = new Uint8Array(tall * wide).fill(WALL);
  for (let row = 0; row < height; row++) grid.set(cells.subarray(row * width, (row + 1) * width), row * wide);
  return grid;
}

/** That corner again. */
export function cropped(grid, wide, { height, width }) {
  const cells = new Uint8Array(height * width);
  for (let row = 0; row < height; row++) cells.set(grid.subarray(row * wide, row * wide + width), row * width);
  return cells;
}

/** Neighbours of a cell, up, down, left and right. */
export function around(cell, height, width) {
  const [row, column] = [Math.floor(cell / width), cell % width];
  return [row > 0 && cell - width, row < height - 1 && cell + width, column > 0 && cell - 1, column < width - 1 && cell + 1].filter((next) => next !== false);
}

/** Fewest moves from S to G; 0 where no path joins them. */
function shortest(cells, height, width) {
  return distances(cells.indexOf(START), (cell) => cells[cell] !== WALL, height, width).get(cells.indexOf(GOAL)) ?? 0;
}

/** Moves from one cell to every cell that can be reached from it. */
function distances(from, open, height, width) {
  const moves = new Map(from < 0 ? [] : [[from, 0]]);
  for (const [cell, count] of moves) {
    for (const next of around(cell, height, width)) if (open(next) && !moves.has(next)) moves.set(next, count + 1);
  }
  return moves;
}
