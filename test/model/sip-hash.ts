/** SipHash-c-d on 64-bit integers, after the paper, word for word. */

const mask = (value: bigint) => BigInt.asUintN(64, value);
const rotate = (value: bigint, bits: bigint) => mask((value << bits) | (value >> (64n - bits)));

function round([v0, v1, v2, v3]: readonly [bigint, bigint, bigint, bigint]): [
  bigint,
  bigint,
  bigint,
  bigint,
] {
  let [a, b, c, d] = [mask(v0 + v1), rotate(v1, 13n), mask(v2 + v3), rotate(v3, 16n)];
  b ^= a;
  d ^= c;
  a = rotate(a, 32n);
  a = mask(a + d);
  d = rotate(d, 21n) ^ a;
  c = mask(c + b);
  b = rotate(b, 17n) ^ c;
  c = rotate(c, 32n);
  return [a, b, c, d];
}

/** @returns 64 bits */
export function sipHashModel(
  key: readonly [bigint, bigint],
  message: Uint8Array,
  rounds: number,
  finalRounds: number,
): bigint {
  let state: [bigint, bigint, bigint, bigint] = [
    key[0] ^ 0x736f6d6570736575n,
    key[1] ^ 0x646f72616e646f6dn,
    key[0] ^ 0x6c7967656e657261n,
    key[1] ^ 0x7465646279746573n,
  ];
  const padded = new Uint8Array((Math.floor(message.length / 8) + 1) * 8);
  padded.set(message);
  padded[padded.length - 1] = message.length;
  const view = new DataView(padded.buffer);
  for (let at = 0; at < padded.length; at += 8) {
    const word = view.getBigUint64(at, true);
    state[3] ^= word;
    for (let i = 0; i < rounds; i++) state = round(state);
    state[0] ^= word;
  }
  state[2] ^= 0xffn;
  for (let i = 0; i < finalRounds; i++) state = round(state);
  return state[0] ^ state[1] ^ state[2] ^ state[3];
}
