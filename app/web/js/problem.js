/** What went wrong, in the server's words or in the page's own, and which cells it names. Knows no page. */

const CELL = /\br(\d+)c(\d+)\b/g;

export class Problem extends Error {
  /** `status` is the server's, 0 where it was not asked; `pointers` are the places in the body that it found fault with. */
  constructor(detail, { status = 0, retryAfter = null, pointers = [] } = {}) {
    super(detail);
    Object.assign(this, { status, retryAfter, pointers });
  }

  /** The cells at fault, as numbers of a grid of that width. */
  cells(width) {
    const named = [...this.message.matchAll(CELL)].map(([, row, column]) => (row - 1) * width + (column - 1));
    const pointed = this.pointers.map((pointer) => pointer.match(/\/grid\/(\d+)\/(\d+)$/)).filter(Boolean);
    return new Set([...named, ...pointed.map(([, row, column]) => row * width + Number(column))]);
  }
}
