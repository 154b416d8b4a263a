/** One slot of one model in onnxruntime-web: puts a puzzle in, takes a step. Knows tensors; no rules. */

import { floats, metadata } from "./metadata.js";

/** A session of the model in `bytes`; `ort` is the runtime. Answers `on(height, width)` with a slot for puzzles of that grid. */
export async function open(ort, bytes) {
  const told = metadata(bytes);
  const states = { z_H: floats(told.H_init), z_L: floats(told.L_init) };
  const session = await ort.InferenceSession.create(bytes, { executionProviders: ["wasm"], graphOptimizationLevel: "all" });
  return { on: (height, width) => new Slot(ort, session, states, "height" in told ? [1, height, width] : [1, height * width]) };
}

class Slot {
  constructor(ort, session, states, shape) {
    Object.assign(this, { ort, session, states, shape });
  }

  /** Put a puzzle (tokens) into the slot, with a fresh carry. */
  load(tokens) {
    const cells = tokens.length;
    this.inputs = { tokens: new this.ort.Tensor("uint8", tokens, this.shape) };
    for (const [name, state] of Object.entries(this.states)) {
      const filled = new Float32Array(cells * state.length);
      for (let cell = 0; cell < cells; cell++) filled.set(state, cell * state.length);
      this.inputs[name] = new this.ort.Tensor("float32", filled, [...this.shape, state.length]);
    }
  }

  /** One step: the answer (tokens) and the logits of halting and of a contradiction in the input. */
  async step() {
    const { answers, q, next_z_H, next_z_L } = await this.session.run(this.inputs);
    Object.assign(this.inputs, { z_H: next_z_H, z_L: next_z_L });
    return { answer: Uint8Array.from(answers.data), halt: q.data[0], doubt: q.data[1] };
  }
}
