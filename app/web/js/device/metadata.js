/** The metadata of an ONNX file, which the runtime does not give to a page: the initial states are there. Knows protobuf's wire format as far as needed. */

const METADATA = 14; // the field of a ModelProto that holds pairs of key (1) and value (2)

/** Key to value, of the bytes of a model. */
export function metadata(bytes) {
  const pairs = [...fields(bytes)].filter(([number]) => number === METADATA).map(([, pair]) => Object.fromEntries(fields(pair)));
  return Object.fromEntries(pairs.map((pair) => [text(pair[1]), text(pair[2])]));
}

/** Little-endian float32 numbers written in hexadecimal. */
export function floats(hexadecimal) {
  return new Float32Array(Uint8Array.from(hexadecimal.match(/../g), (byte) => parseInt(byte, 16)).buffer);
}

const text = (bytes) => new TextDecoder().decode(bytes);

/** Number and content of every field of bytes of a message. */
function* fields(message) {
  let at = 0;
  const varint = () => {
    for (let [value, scale] = [0, 1]; ; scale *= 128) {
      const byte = message[at++];
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  while (at < message.length) {
    const tag = varint();
    const [number, wire] = [Math.floor(tag / 8), tag & 7];
    if (wire === 0) varint();
    else if (wire === 1 || wire === 5) at += wire === 1 ? 8 : 4;
    else {
      const length = varint();
      yield [number, message.subarray(at, at + length)];
      at += length;
    }
  }
}
