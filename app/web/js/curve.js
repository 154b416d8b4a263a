/** The halting probability, step by step, as a curve; a touch shows that step. Knows the timeline's frames; no solving. */

const [WIDTH, HEIGHT] = [600, 120];
const SVG = "http://www.w3.org/2000/svg";

export class Curve {
  constructor(root, onSeek) {
    this.root = root;
    root.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
    root.setAttribute("preserveAspectRatio", "none");
    this.bands = add(root, "g", "bands");
    for (const share of [0, 0.5, 1]) add(root, "line", "rule", { x1: 0, x2: WIDTH, y1: y(share), y2: y(share) });
    this.area = add(root, "path", "area");
    this.ahead = add(root, "path", "line ahead");
    this.line = add(root, "path", "line");
    this.head = add(root, "line", "head", { y1: 0, y2: HEIGHT });
    const seek = ({ clientX }) => {
      const { left, width } = root.getBoundingClientRect();
      onSeek(Math.round(((clientX - left) / width) * this.last));
    };
    root.addEventListener("pointerdown", (event) => {
      root.setPointerCapture(event.pointerId);
      seek(event);
    });
    root.addEventListener("pointermove", (event) => event.buttons && seek(event));
  }

  /** Draw the steps, each above its place on the slider, which begins with the puzzle; those behind the place that is shown are only hinted at. */
  draw({ frames, place }) {
    this.last = frames.length;
    const x = (index) => ((index + 1) / (this.last || 1)) * WIDTH;
    const points = frames.map(({ haltProbability }, index) => [x(index), y(haltProbability)]);
    const passed = points.slice(0, place);
    this.ahead.setAttribute("d", path(points));
    this.line.setAttribute("d", path(passed));
    this.area.setAttribute("d", passed.length ? `${path(passed)} L${passed.at(-1)[0]} ${HEIGHT} L${passed[0][0]} ${HEIGHT} Z` : "");
    const at = x(place - 1);
    for (const name of ["x1", "x2"]) this.head.setAttribute(name, at);
    this.root.classList.toggle("empty", !frames.length);
    if (frames.length !== this.banded) this.band(frames, x);
    this.root.setAttribute("aria-label", said(frames));
  }

  /** Every other attempt has a shade behind it. */
  band(frames, x) {
    this.banded = frames.length;
    this.bands.replaceChildren();
    for (let from = 0, number = 0; from < frames.length; number++) {
      let to = from;
      while (to < frames.length && frames[to].attempt === frames[from].attempt) to++;
      if (number % 2) add(this.bands, "rect", "", { x: x(from - 0.5), y: 0, width: x(to) - x(from), height: HEIGHT });
      from = to;
    }
  }
}

const y = (share) => HEIGHT - 8 - share * (HEIGHT - 16);

/** A line through the points; one alone is a dot. */
const path = (points) => (points.length ? `M${[points[0], ...points].map(([at, up]) => `${at.toFixed(1)} ${up.toFixed(1)}`).join(" L")}` : "");

function said(frames) {
  if (!frames.length) return "Halting probability: no steps yet";
  const percent = (frame) => `${Math.round(frame.haltProbability * 100)} %`;
  return `Halting probability over ${frames.length} steps: ${percent(frames[0])} at first, ${percent(frames.at(-1))} at last`;
}

function add(parent, name, kind, attributes = {}) {
  const made = document.createElementNS(SVG, name);
  if (kind) made.setAttribute("class", kind);
  Object.entries(attributes).forEach(([key, value]) => made.setAttribute(key, value));
  return parent.appendChild(made);
}
