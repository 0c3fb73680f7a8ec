/** Returns a random integer from 0 to below - 1. */
export type Draw = (below: number) => number;

/** Returns the same numbers for the same seed: Tommy Ettinger's mulberry32. */
export function drawFrom(seed: number): Draw {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor(((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32 * below);
  };
}

/** A random element. */
export function pick<T>(draw: Draw, from: readonly T[]): T {
  return from[draw(from.length)]!;
}

/** Makes one to three random changes: removes, inserts, repeats or replaces pieces of JSON. */
export function mutate(draw: Draw, text: string): string {
  const alphabet = [
    "0",
    "1",
    "9",
    "-",
    "+",
    ".",
    "e",
    "E",
    '"',
    "\\",
    "u",
    "n",
    "D",
    "d",
    "[",
    "]",
  ];
  const strings = [...alphabet, "{", "}", ",", ":", " ", "\t", "\n", "null", "true", "00", "1e400"];
  const odd = [
    "\u00e9",
    "\ud83d\ude42",
    "\ufeff",
    "\0",
    "\u007f",
    "'",
    "/",
    "}{",
    "9007199254740993",
  ];
  let mutated = text;
  for (let times = 1 + draw(3); times > 0; times--) {
    const at = draw(mutated.length + 1);
    const cut = at + pick(draw, [0, 0, 1, 1, 1, 2, 5]);
    const put = pick(draw, ["", pick(draw, strings), pick(draw, odd), mutated.slice(at, at + 4)]);
    mutated = mutated.slice(0, at) + put + mutated.slice(cut);
  }
  return mutated;
}
