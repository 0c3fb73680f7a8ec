const MAGIC = 0xfd2fb528;
/** The sixteen magic numbers of skippable frames differ in the lowest four bits. */
const SKIPPABLE = 0x184d2a50;

/**
 * The frames of zstd data (RFC 8878, section 3.1) without the skippable ones. Throws a RangeError for anything else.
 */
export function* zstdFrames(bytes: Uint8Array): Generator<Uint8Array> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at < bytes.length;) {
    const magic = view.getUint32(at, true);
    if ((magic & 0xfffffff0) >>> 0 === SKIPPABLE) {
      at += 8 + view.getUint32(at + 4, true);
      continue;
    }
    if (magic !== MAGIC) throw new RangeError("no frame begins here");
    const end = endOfFrame(view, at);
    if (end > bytes.length) throw new RangeError("a frame ends too early");
    yield bytes.subarray(at, end);
    at = end;
  }
}

function endOfFrame(view: DataView, start: number): number {
  const descriptor = view.getUint8(start + 4);
  const isSingleSegment = (descriptor & 0x20) > 0;
  const windowBytes = isSingleSegment ? 0 : 1;
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3]!;
  const sizeBytes = [isSingleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6]!;
  let at = start + 5 + windowBytes + dictionaryBytes + sizeBytes;
  for (let isLast = false; !isLast;) {
    const head = view.getUint16(at, true) | view.getUint8(at + 2) << 16;
    isLast = (head & 1) > 0;
    // A block of type 1 is one byte, to be repeated.
    at += 3 + ((head >> 1 & 3) === 1 ? 1 : head >> 3);
  }
  const checksumBytes = descriptor & 0x04 ? 4 : 0;
  return at + checksumBytes;
}
