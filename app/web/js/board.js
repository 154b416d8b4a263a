/** The board: a grid of cells that is seen, touched, typed into and read out. Knows what a cell looks like from its family; no solving. */

import { familyOf } from "./families.js";

const MOVES = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
const COLDEST = 6; // steps after which a cell counts as settled

export class Board {
  /** `onEdit(index, token)` is called when somebody wants a cell to hold a token. */
  constructor(root, onEdit) {
    Object.assign(this, { root, onEdit, brush: null, at: 0, cells: [], seen: [] });
    root.addEventListener("keydown", (event) => this.key(event));
    root.addEventListener("pointerdown", (event) => this.touch(event));
    root.addEventListener("pointermove", (event) => this.drag(event));
    root.addEventListener("pointerup", () => (this.painting = false));
    root.addEventListener("pointercancel", () => (this.painting = false));
    root.addEventListener("focusin", (event) => this.select(this.cells.indexOf(event.target), false));
  }

  /** Show a puzzle, and over it a frame of the timeline, or null; `wrong` are cells to mark as mistaken. */
  show(puzzle, frame, wrong = new Set()) {
    if (this.puzzle?.family !== puzzle.family || this.puzzle.height !== puzzle.height || this.puzzle.width !== puzzle.width) this.build(puzzle);
    this.puzzle = puzzle;
    const [family, tokens] = [familyOf(puzzle), frame?.cells ?? puzzle.cells];
    tokens.forEach((token, index) => {
      const kind = family.kind(puzzle.cells[index], token);
      const [changed, mistaken] = [frame?.changed.has(index) ?? false, wrong.has(index)];
      const heat = frame && ["found", "path"].includes(kind) ? Math.max(0, 1 - frame.age[index] / COLDEST) : 0;
      this.paint(index, { kind, text: family.symbol(token), changed, mistaken, heat, said: family.spoken(token) });
    });
  }

  /** Change one cell's element, if it looks other than before. */
  paint(index, { kind, text, changed, mistaken, heat, said }) {
    const look = `${kind} ${text} ${changed} ${mistaken} ${heat}`;
    if (this.seen[index] === look) return;
    this.seen[index] = look;
    const cell = this.cells[index];
    cell.textContent = text;
    cell.dataset.kind = kind;
    cell.classList.toggle("changed", changed);
    cell.classList.toggle("wrong", mistaken);
    cell.style.setProperty("--heat", heat.toFixed(2));
    const { width } = this.puzzle;
    const more = [kind === "given" && "given", changed && "changed in this step", mistaken && "contradicts another cell"].filter(Boolean);
    cell.setAttribute("aria-label", [`row ${Math.floor(index / width) + 1} column ${(index % width) + 1}`, said, ...more].join(", "));
    if (mistaken) cell.setAttribute("aria-invalid", "true");
    else cell.removeAttribute("aria-invalid");
  }

  build(puzzle) {
    const { family, height, width } = (this.puzzle = puzzle);
    Object.assign(this, { seen: [], at: 0 });
    this.root.dataset.family = family;
    this.root.style.setProperty("--columns", width);
    this.root.setAttribute("aria-label", `${family} of ${height} rows and ${width} columns`);
    const rows = Array.from({ length: height }, (_, row) => {
      const line = element("row");
      line.append(...Array.from({ length: width }, (__, column) => this.cell(row, column, height)));
      return line;
    });
    this.root.replaceChildren(...rows);
    this.cells = [...this.root.querySelectorAll("[role=gridcell]")];
    this.cells[0].tabIndex = 0;
  }

  cell(row, column, height) {
    const cell = element("gridcell");
    cell.tabIndex = -1;
    const [below, beside] = familyOf(this.puzzle).boxStart(height, row, column);
    cell.classList.toggle("box-below", below);
    cell.classList.toggle("box-beside", beside);
    return cell;
  }

  /** Make a cell the one that keys and buttons act on. */
  select(index, focus = true) {
    if (index < 0) return;
    this.cells[this.at].tabIndex = -1;
    this.at = index;
    this.cells[index].tabIndex = 0;
    if (focus) this.cells[index].focus();
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { height, width } = this.puzzle;
    const [row, column] = [Math.floor(this.at / width), this.at % width];
    if (MOVES[event.key]) {
      const [down, across] = MOVES[event.key];
      this.select(Math.min(height - 1, Math.max(0, row + down)) * width + Math.min(width - 1, Math.max(0, column + across)));
    } else if (event.key === "Home" || event.key === "End") {
      this.select(row * width + (event.key === "Home" ? 0 : width - 1));
    } else if (this.brush !== null && (event.key === " " || event.key === "Enter")) {
      this.onEdit(this.at, this.brush);
    } else {
      const token = familyOf(this.puzzle).tokenOf(event.key, height);
      if (token === undefined) return;
      this.onEdit(this.at, token);
    }
    event.preventDefault();
  }

  touch(event) {
    const index = this.cells.indexOf(event.target);
    if (index < 0 || this.brush === null || event.button !== 0) return;
    event.preventDefault();
    this.root.releasePointerCapture?.(event.pointerId);
    this.select(index);
    // a second touch of the same kind takes it away again
    this.stroke = this.puzzle.cells[index] === this.brush ? familyOf(this.puzzle).tokenOf("Delete", 0) : this.brush;
    this.painting = true;
    this.onEdit(index, this.stroke);
  }

  drag(event) {
    if (!this.painting) return;
    const index = this.cells.indexOf(document.elementFromPoint(event.clientX, event.clientY));
    if (index >= 0 && this.puzzle.cells[index] !== this.stroke) this.onEdit(index, this.stroke);
  }
}

function element(role) {
  const made = document.createElement("div");
  made.setAttribute("role", role);
  return made;
}
