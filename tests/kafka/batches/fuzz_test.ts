import { assert, assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import { decodeRecords } from "../../../src/kafka/batches/decode.ts";
import { patchFetch } from "../../../src/kafka/patches/fetch.ts";
import { useCodecs } from "../../../src/kafka/codecs/mod.ts";
import { endOf } from "../../../src/record/offsets.ts";
import { drawFrom, pick } from "../../fakes/random.ts";
import { batch } from "../../support/batches.ts";

useCodecs();
patchFetch();

type Draw = ReturnType<typeof drawFrom>;

/** How to run longer: ROUTES_FUZZ_SECONDS=600 ROUTES_FUZZ_SEED=7 deno task test tests/kafka/batches/fuzz_test.ts */
function setting(name: string, fallback: number): number {
  const { state } = Deno.permissions.querySync({ name: "env", variable: name });
  return state === "granted" ? Number(Deno.env.get(name) ?? fallback) : fallback;
}

const SECONDS = setting("ROUTES_FUZZ_SECONDS", 3);
const SEED = setting("ROUTES_FUZZ_SEED", 1);

const DAMAGES: ((bytes: Buffer, draw: Draw) => Buffer)[] = [
  function flip(bytes, draw) {
    const flipped = Buffer.from(bytes);
    for (let count = 1 + draw(4); count > 0; count--) {
      // Nothing protects the first offset of a batch: no client can notice that it is wrong.
      flipped[8 + draw(flipped.length - 8)]! ^= 1 << draw(8);
    }
    return flipped;
  },
  function cut(bytes, draw) {
    return bytes.subarray(0, 17 + draw(bytes.length - 17));
  },
  function repeat(bytes, draw) {
    const [at, size] = [8 + draw(bytes.length - 8), 1 + draw(40)];
    return Buffer.concat([bytes.subarray(0, at + size), bytes.subarray(at)]);
  },
];

interface KnownBatch {
  first: number;
  last: number;
  bytes: Buffer;
}

Deno.test("decodeRecords() loses no good record to a damaged batch beside it, and always moves on", async () => {
  const draw = drawFrom(SEED);
  const value = (offset: number) => `{"userID":${offset}}`.padEnd(20 + draw(60));
  const endMs = performance.now() + SECONDS * 1000;
  for (let round = 0; performance.now() < endMs; round++) {
    const log: KnownBatch[] = [];
    for (let first = 0; log.length < 5;) {
      const count = 1 + draw(20);
      const records = Array.from({ length: count }, (_, i) => ({ value: value(first + i) }));
      const bytes = await batch({ records, firstOffset: first, compression: draw(2) });
      log.push({ first, last: first + count - 1, bytes });
      first += count;
    }
    const damaged = log[draw(log.length)]!;
    damaged.bytes = pick(draw, DAMAGES)(damaged.bytes, draw);
    const seen = await readLog(log, `seed ${SEED}, round ${round}`);
    for (const { first, last } of log.filter((batch) => batch !== damaged)) {
      for (let offset = first; offset <= last; offset++) {
        assertEquals(seen.get(offset), offset, `seed ${SEED}, round ${round}: offset ${offset}`);
      }
    }
  }
});

/** Reads like a consumer: each fetch gives the batches from the position on; the user of each offset. */
async function readLog(log: KnownBatch[], where: string): Promise<Map<number, number>> {
  const seen = new Map<number, number>();
  const high = log.at(-1)!.last + 1;
  for (let from = 0; from < high;) {
    const sent = log.filter(({ last }) => last >= from).map(({ bytes }) => bytes);
    // A broker sends no bytes behind a batch that it cannot delimit.
    const records = await decodeRecords(Buffer.concat(sent), { from, high, bytesMax: 1_000_000 });
    const last = records.at(-1);
    if (!last) throw new Error(`${where}: nothing is read from offset ${from}`);
    for (const { offset, value, damage, isControlRecord } of records) {
      if (damage || isControlRecord) continue;
      seen.set(Number(offset), Number(/\d+/.exec(value!.toString())![0]));
    }
    const next = endOf(last);
    assert(next > from, `${where}: the position stays at ${from}`);
    from = next;
  }
  return seen;
}
