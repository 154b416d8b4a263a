/** Random mazes to try: corridors carved into rock, a few loops, and rooms if asked. Knows tokens of mazes; no page, no model. */

import { FREE, GOAL, START, WALL } from "./maze.js";
import { pick, shuffled } from "./chance.js";

const WINDING = 0.6; // how often a corridor goes on from its end, rather than branching off anywhere

/** A maze in which every free cell can be reached; with `rooms`, some walls are cleared away in squares. */
export function carve(side, rooms, random = Math.random) {
  const cells = new Uint8Array(side * side).fill(WALL);
  const inside = (row, column) => row >= 0 && column >= 0 && row < side && column < side;
  const grown = [[0, 0]];
  cells[0] = FREE;
  while (grown.length) {
    const at = random() < WINDING ? grown.length - 1 : Math.floor(random() * grown.length);
    const [row, column] = grown[at];
    const ways = [[-2, 0], [2, 0], [0, -2], [0, 2]].filter(([down, across]) => inside(row + down, column + across) && cells[(row + down) * side + column + across] === WALL);
    if (!ways.length) {
      grown.splice(at, 1);
      continue;
    }
    const [down, across] = pick(ways, random);
    cells[(row + down / 2) * side + column + across / 2] = cells[(row + down) * side + column + across] = FREE;
    grown.push([row + down, column + across]);
  }
  loosen(cells, side, random);
  if (rooms) clear(cells, side, random);
  const free = [...cells.keys()].filter((cell) => cells[cell] === FREE);
  [cells[free[0]], cells[free.at(-1)]] = [START, GOAL];
  return { family: "maze", height: side, width: side, cells };
}

/** Open a few walls between two corridors, so that there is more than one way. */
function loosen(cells, side, random) {
  const walls = [...cells.keys()].filter((cell) => {
    const [row, column] = [Math.floor(cell / side), cell % side];
    const free = (down, across) => cells[(row + down) * side + column + across] === FREE;
    const inner = row > 0 && column > 0 && row < side - 1 && column < side - 1;
    return cells[cell] === WALL && inner && ((free(-1, 0) && free(1, 0)) || (free(0, -1) && free(0, 1)));
  });
  for (const cell of shuffled(walls, random).slice(0, side / 4)) cells[cell] = FREE;
}

function clear(cells, side, random) {
  for (let room = 0; room < side / 5; room++) {
    const size = 2 + Math.floor(random() * 3);
    const [top, left] = [0, 0].map(() => Math.floor(random() * (side - size + 1)));
    for (let row = top; row < top + size; row++) cells.fill(FREE, row * side + left, row * side + left + size);
  }
}
