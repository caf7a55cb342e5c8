// What the sketches' tests share: seeded values and joined deltas.

/** Pairs of int32 from a seed (splitmix-like over two mulberry32 states). */
export function randomHashes(seed: number): () => [number, number] {
  let state = Math.imul(seed, 0x9e3779b1) | 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    t = Math.imul(t ^ (t >>> 15), 0x735a2d97);
    return t ^ (t >>> 15);
  };
  return () => [next(), next()];
}

/** Deltas one after the other, as a store appends them. */
export function concat(deltas: readonly (Uint8Array | null)[]): Uint8Array {
  return Buffer.concat(deltas.filter((delta) => delta !== null));
}
