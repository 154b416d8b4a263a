/** Puzzles to begin with, from easy to hard. Knows texts and seeds only. */

import { carve } from "./carving.js";
import { chance } from "./chance.js";
import { parse } from "./sudoku.js";

const SUDOKUS = {
  4: [
    ["Easy", "..1..1.4.3..2..1"],
    ["Four clues", "....1..22.41...."],
  ],
  6: [
    ["Easy", "24..56.5.4..13..4.42.6.1...36236...."],
    ["Hard", ".1..5.3..1....6...2....31..5......6."],
  ],
  9: [
    ["From a newspaper", "53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79"],
    ["Seventeen clues", ".......1.4.........2...........5.4.7..8...3....1.9....3..4..2...5.1........8.6..."],
    ["Arto Inkala's, of 2010", "..53.....8......2..7..1.5..4....53...1..7...6..32...8..6.5....9..4....3......97.."],
    ["Arto Inkala's, of 2012", "8..........36......7..9.2...5...7.......457.....1...3...1....68..85...1..9....4.."],
    ["Easter Monster", "1.......2.9.4...5...6...7...5.9.3.......7.......85..4.7.....6...3...9.8...2.....1"],
  ],
};
const MAZES = [
  ["Corridors", false],
  ["With rooms", true],
];

/** `[name, make]` of the examples of a family and size. */
export function examplesOf(family, side) {
  if (family === "maze") return MAZES.map(([name, rooms]) => [name, () => carve(side, rooms, chance(100 + side))]);
  return SUDOKUS[side].map(([name, text]) => [name, () => parse(text)]);
}
