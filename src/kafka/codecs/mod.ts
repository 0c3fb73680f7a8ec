import { CompressionCodecs, CompressionTypes } from "kafkajs";
import { Buffer } from "node:buffer";
import { promisify } from "node:util";
import { createGunzip, createZstdDecompress, gunzip, gzip, zstdDecompress } from "node:zlib";
import { unpackLz4 } from "./lz4.ts";
import { unpackSnappy } from "./snappy.ts";
import { zstdFrames } from "./zstd.ts";

/** Unpacks a batch in one go up to this size, which nearly all batches have; larger ones come in pieces. */
const WHOLE_MAX = 4_194_304;
const PIECE_BYTES = 65_536;

const packGzip = promisify(gzip);
const unpackGzip = promisify(gunzip);
const unpackZstd = promisify(zstdDecompress);

type Unpack = (bytes: Uint8Array) => AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

const NONE: Unpack = (bytes) => [bytes];
/** By the number that a batch header names it by. */
const codecs: Record<number, { name: string; unpack: Unpack }> = {
  0: { name: "none", unpack: NONE },
  [CompressionTypes.GZIP]: {
    name: "gzip",
    unpack: (bytes) =>
      wholeOrStream(() => unpackGzip(bytes, LIMIT), () => createGunzip(STREAM).end(bytes)),
  },
  [CompressionTypes.Snappy]: { name: "snappy", unpack: unpackSnappy },
  [CompressionTypes.LZ4]: { name: "lz4", unpack: unpackLz4 },
  [CompressionTypes.ZSTD]: { name: "zstd", unpack: unpackZstdFrames },
};

const LIMIT = { maxOutputLength: WHOLE_MAX };
const STREAM = { chunkSize: PIECE_BYTES };

/** Unpacks the records of a batch in pieces of 4 MiB at most, mostly a single one; throws an Error that names the codec. */
export async function* unpack(codec: number, bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  const known = codecs[codec];
  if (!known) throw new RangeError(`codec ${codec} is unknown`);
  try {
    yield* known.unpack(bytes);
  } catch (error) {
    throw new Error(`${known.name}: ${(error as Error).message}`, { cause: error });
  }
}

async function* unpackZstdFrames(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  // The decoder of the runtime reads only the first frame.
  for (const frame of zstdFrames(bytes)) {
    yield* wholeOrStream(
      () => unpackZstd(frame, LIMIT),
      () => createZstdDecompress(STREAM).end(frame),
    );
  }
}

async function* wholeOrStream(
  whole: () => Promise<Uint8Array>,
  stream: () => AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  let bytes: Uint8Array;
  try {
    bytes = await whole();
  } catch (error) {
    if ((error as { code?: string }).code !== "ERR_BUFFER_TOO_LARGE") throw error;
    return yield* stream();
  }
  yield bytes;
}

/** Registers the codecs with kafkajs, which only has gzip. kafkajs packs with them, and unpacks old record formats. */
export function useCodecs(): void {
  for (const type of [1, 2, 3, 4]) {
    CompressionCodecs[type as Exclude<CompressionTypes, CompressionTypes.None>] = () => ({
      compress: ({ buffer }: { buffer: Uint8Array }) => {
        if (type !== CompressionTypes.GZIP) throw new Error("Cannot compress except with gzip");
        // Level 1 costs a quarter of the time of level 6 for a third more bytes.
        return packGzip(buffer, { level: 1 });
      },
      decompress: async (bytes: Uint8Array) =>
        Buffer.concat(await Array.fromAsync(unpack(type, bytes))),
    });
  }
}
