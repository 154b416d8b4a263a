/**
 * Sudoku of 4x4, 6x6 and 9x9: text, tokens, rules, copies and guesses. Knows no page, no model and no server.
 *
 * Tokens are the model's: 1 is an open cell, digit d is d + 1. A puzzle is `{family, height, width, cells}`.
 */

import { Problem } from "./problem.js";
import { pick, shuffled } from "./chance.js";

const BLANK = 1;
const BOXES = { 4: [2, 2], 6: [2, 3], 9: [3, 3] };
/** The fewest givens of a puzzle with one solution, and up to how many a question is filled. */
const FEWEST = { 4: 4, 6: 8, 9: 17 };
const ENOUGH = { 4: 8, 6: 14, 9: 28 };
/** Combinations of rounds before each question that is filled, where there may be one solution or several. */
const ROUNDS = 8;

export const name = "sudoku";
export const sizes = [4, 6, 9];

export function empty(side) {
  return { family: name, height: side, width: side, cells: new Uint8Array(side * side).fill(BLANK) };
}

/** Read a grid of digits, `.` or `0` for an open cell; white space, commas and lines drawn of `|`, `-` and `+` do not count. */
export function parse(text) {
  const symbols = text.replace(/[\s,|+-]/g, "");
  const side = Math.sqrt(symbols.length);
  if (!BOXES[side]) throw new Problem(`A Sudoku has 16, 36 or 81 cells; this text has ${symbols.length}.`);
  const cells = Uint8Array.from(symbols, (symbol) => (symbol === "." || symbol === "0" ? BLANK : Number(symbol) + 1));
  const wrong = cells.findIndex((token, index) => !/[.0-9]/.test(symbols[index]) || token > side + 1);
  if (wrong >= 0) throw new Problem(`“${symbols[wrong]}” cannot stand in a ${side}x${side} Sudoku.`);
  return { family: name, height: side, width: side, cells };
}

/** The grid in the server's form. */
export const toGrid = ({ cells }) => Array.from(cells, symbol).map((digit) => digit || ".").join("");
export const fromGrid = (grid) => Uint8Array.from(grid, (digit) => Number(digit) + 1);
export const toText = ({ width, cells }) => lines(cells, width).map((line) => Array.from(line, (token) => symbol(token) || ".").join("")).join("\n");
export const toLink = toGrid;
export const fromLink = parse;

/** The token that a key stands for. */
export function tokenOf(key, side) {
  if ([".", "0", "Delete", "Backspace", " "].includes(key)) return BLANK;
  return /^[1-9]$/.test(key) && Number(key) <= side ? Number(key) + 1 : undefined;
}

export const symbol = (token) => (token > BLANK ? String(token - 1) : "");
export const spoken = (token) => symbol(token) || "empty";
export const isGiven = (token) => token > BLANK;

/** What a cell looks like: `given`, `found` or `open`. */
export function kind(question, answer) {
  if (question > BLANK) return "given";
  return answer > BLANK ? "found" : "open";
}

/** Where thick lines go: whether a box begins at this row, or at this column. */
export function boxStart(side, row, column) {
  const [tall, wide] = BOXES[side];
  return [row > 0 && row % tall === 0, column > 0 && column % wide === 0];
}

/** Throw the problem that the server would tell of givens that contradict each other. */
export function check({ height: side, cells }) {
  const found = [];
  units(side).forEach((unit, number) => {
    const named = `${["row", "column", "box"][Math.floor(number / side)]} ${(number % side) + 1}`;
    for (let token = 2; token <= side + 1; token++) {
      const places = unit.filter((cell) => cells[cell] === token).map((cell) => `r${Math.floor(cell / side) + 1}c${(cell % side) + 1}`);
      if (places.length > 1) found.push(`${named} has ${token - 1} in ${places.join(" and ")}`);
    }
  });
  if (found.length) throw new Problem(`the givens contradict the rules: ${found.join("; ")}`);
}

/** The rules of one side, for one grid at a time. */
export function rules(side) {
  const all = units(side);
  const peers = Array.from({ length: side * side }, (_, cell) => [...new Set(all.filter((unit) => unit.includes(cell)).flat())].filter((each) => each !== cell));
  const digits = Array.from({ length: side }, (_, index) => index + 2);
  const candidates = (question, cell) => digits.filter((token) => !peers[cell].some((peer) => question[peer] === token));

  function* combinations(question, cells, among, random) {
    const open = cells ? [...question.keys()].filter((cell) => question[cell] === BLANK) : [];
    if (!open.length) {
      yield question;
      return;
    }
    const counted = shuffled(open, random).map((cell) => [cell, candidates(question, cell)]);
    counted.sort(([, one], [, other]) => one.length - other.length);
    const [cell, tokens] = counted[0][1].length ? pick(counted.slice(0, among), random) : counted[0];
    for (const token of shuffled(tokens, random)) yield* combinations(question.with(cell, token), cells - 1, among, random);
  }

  function* rounds(question, cells, among, random) {
    for (;;) {
      let any = false;
      for (const combination of combinations(question, cells, among, random)) {
        any = true;
        yield combination;
      }
      if (!any) yield question; // it contradicts itself: there is nothing to suppose
    }
  }

  /** The question with digits supposed at so many random cells, each a candidate beside those before; fewer once a cell has none. */
  function filled(question, cells, random) {
    const open = [...question.keys()].filter((cell) => question[cell] === BLANK);
    for (const cell of shuffled(open, random).slice(0, cells)) {
      const tokens = candidates(question, cell);
      if (!tokens.length) break;
      question = question.with(cell, pick(tokens, random));
    }
    return question;
  }

  return {
    /** Rows, columns and boxes without all digits plus givens overwritten; 0 is a solution. */
    violations(question, answer) {
      const incomplete = all.filter((unit) => !digits.every((token) => unit.some((cell) => answer[cell] === token)));
      return incomplete.length + question.filter((token, cell) => token !== BLANK && token !== answer[cell]).length;
    },
    excess: () => 0,
    /** The question with digits supposed, without end: by rounds, and every ninth time, or always with fewer givens than FEWEST, by filling it. */
    *guesses(question, cells, among, random) {
      const given = question.filter((token) => token !== BLANK).length;
      const combinations = rounds(question, cells, among, random);
      for (;;) {
        for (let turn = 0; turn < ROUNDS && given >= FEWEST[side]; turn++) yield combinations.next().value;
        yield filled(question, Math.max(ENOUGH[side] - given, cells + 2), random);
      }
    },
    symmetry: (random) => symmetry(side, random),
  };
}

/** Digits relabelled; bands, stacks, rows and columns inside them permuted; transposed where boxes are square. */
function symmetry(side, random) {
  const [tall, wide] = BOXES[side];
  const [rows, columns] = [shuffledLines(side, tall, random), shuffledLines(side, wide, random)];
  const turned = tall === wide && random() < 0.5;
  const positions = rows.flatMap((row) => columns.map((column) => (turned ? column * side + row : row * side + column)));
  const renaming = Uint8Array.from([0, BLANK, ...shuffled(Array.from({ length: side }, (_, index) => index + 2), random)]);
  return { positions, renaming };
}

function shuffledLines(side, group, random) {
  const groups = Array.from({ length: side / group }, (_, band) => Array.from({ length: group }, (_, line) => band * group + line));
  return shuffled(groups.map((lines) => shuffled(lines, random)), random).flat();
}

/** Cell numbers of every row, column and box. */
function units(side) {
  const [tall, wide] = BOXES[side];
  const range = Array.from({ length: side }, (_, index) => index);
  const box = (number, place) => {
    const [top, left] = [Math.floor(number / (side / wide)) * tall, (number % (side / wide)) * wide];
    return (top + Math.floor(place / wide)) * side + left + (place % wide);
  };
  return [
    ...range.map((row) => range.map((column) => row * side + column)),
    ...range.map((column) => range.map((row) => row * side + column)),
    ...range.map((number) => range.map((place) => box(number, place))),
  ];
}

function lines(cells, width) {
  return Array.from({ length: cells.length / width }, (_, row) => cells.slice(row * width, (row + 1) * width));
}
