/** What can be chosen and pressed for a puzzle: sizes, examples, digits or brushes. Knows the controls' elements; no solving. */

import { examplesOf } from "./examples.js";
import { families, familyOf } from "./families.js";

const $ = (id) => document.getElementById(id);
const HOW = {
  sudoku: "Arrow keys move, digits write, Delete erases.",
  maze: "Arrow keys move, Space draws with what is chosen below; number sign, S and G draw a wall, the start and the goal, Delete frees a cell.",
};

/** Fit the controls to the puzzle's family and size; `write(token)` is called when a digit is pressed. */
export function offer(puzzle, write) {
  const { family, height, width } = puzzle;
  const now = `${family} ${height}x${width}`;
  if ($("size").dataset.of === now) return;
  $("size").dataset.of = now;
  document.querySelector(`input[name=family][value=${family}]`).checked = true;
  const own = height !== width || !families[family].sizes.includes(height);
  const sizes = families[family].sizes.map((side) => new Option(`${side} × ${side}`, side));
  $("size").replaceChildren(...sizes, ...(own ? [new Option(`${height} × ${width}`, "")] : []));
  $("size").value = own ? "" : height;
  const examples = own ? [] : examplesOf(family, height);
  $("example").replaceChildren(new Option("your own", ""), ...examples.map(([name]) => new Option(name)));
  const digits = Array.from({ length: family === "sudoku" ? height : 0 }, (_, index) => String(index + 1));
  $("keys").replaceChildren(...[...digits, "Erase"].map((label) => key(label, () => write(familyOf(puzzle).tokenOf(label === "Erase" ? "Delete" : label, height)))));
  $("keys").hidden = family !== "sudoku";
  $("brushes").hidden = $("carve").hidden = family !== "maze";
  $("how").textContent = HOW[family];
}

function key(label, act) {
  const button = document.createElement("button");
  Object.assign(button, { type: "button", textContent: label });
  button.addEventListener("click", act);
  return button;
}
