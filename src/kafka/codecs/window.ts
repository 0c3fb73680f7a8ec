/** LZ4 and Snappy copy from the last 64 KiB that were unpacked. */
const REACH = 65_536;
/** A window this full gives away what it can. */
const FULL = 1_048_576;

/** Unpacked bytes on their way out: given away in pieces, with the last ones kept to copy from. */
export class Window {
  #buffer = new Uint8Array(65_536);
  #length = 0;
  /** How many bytes were given away already. */
  #given = 0;

  /** Copies `count` bytes of `from`, beginning at `start`. */
  append(from: Uint8Array, start: number, count: number): void {
    if (start + count > from.length) throw new RangeError("packed data ends too early");
    this.#reserve(count);
    this.#buffer.set(from.subarray(start, start + count), this.#length);
    this.#length += count;
  }

  /** Copies `count` bytes written `distance` bytes ago; they may overlap with their own copy. */
  repeat(distance: number, count: number): void {
    if (distance === 0 || distance > this.#length) {
      throw new RangeError("packed data refers before its start");
    }
    this.#reserve(count);
    const buffer = this.#buffer;
    for (let i = 0; i < count; i++, this.#length++) {
      buffer[this.#length] = buffer[this.#length - distance]!;
    }
  }

  /** Whether take() should be called. */
  get isFull(): boolean {
    return this.#length - this.#given >= FULL;
  }

  /** What came since the last call. */
  take(): Uint8Array {
    const piece = this.#buffer.slice(this.#given, this.#length);
    const kept = Math.min(this.#length, REACH);
    this.#buffer.copyWithin(0, this.#length - kept, this.#length);
    this.#length = this.#given = kept;
    return piece;
  }

  /** The last piece, without a copy; the window is of no more use. */
  last(): Uint8Array {
    return this.#buffer.subarray(this.#given, this.#length);
  }

  #reserve(count: number): void {
    const needed = this.#length + count;
    if (needed <= this.#buffer.length) return;
    const larger = new Uint8Array(Math.max(needed, 2 * this.#buffer.length));
    larger.set(this.#buffer);
    this.#buffer = larger;
  }
}
