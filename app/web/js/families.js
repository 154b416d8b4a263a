/** The puzzle families that the page can show, by name, and how a link names a puzzle. Knows no page. */

import * as maze from "./maze.js";
import * as sudoku from "./sudoku.js";
import { Problem } from "./problem.js";

export const families = { sudoku, maze };
export const familyOf = (puzzle) => families[puzzle.family];

/** What stands behind the `#` of a link that carries the puzzle. */
export const fragment = (puzzle) => `#${puzzle.family}=${familyOf(puzzle).toLink(puzzle)}`;

/** The puzzle that a link carries, null where it carries none. Throws `Problem` for one that cannot be read. */
export function carried(hash) {
  const [, name, text] = hash.match(/^#(\w+)=(.+)$/) ?? [];
  return families[name]?.fromLink(decoded(text)) ?? null;
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new Problem("It is cut off, or was changed on its way.");
  }
}

/** Read a puzzle of either family: letters and `#` make it a maze. Throws `Problem`. */
export const parse = (text) => (/[#sgo]/i.test(text) ? maze : sudoku).parse(text);
