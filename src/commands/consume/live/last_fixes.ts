import { Buffer } from "node:buffer";
import type { Points } from "../../../record/validate.ts";

/** Fixes in columns of little-endian numbers, as base64: a quarter of the cost of JSON. */
export interface FixColumns {
  /** Of 32 bits. */
  users: string;
  /** Seconds since 1970, of 64 bits. */
  times: string;
  /** Ten-millionths of a degree, of 32 bits. */
  latitudes: string;
  longitudes: string;
}

/** Rows of `routes query --last`: user, time, latitude, longitude. */
export type LastRow = unknown[];

/** How far back tails go, and how many fixes all of them have together. */
export const TAIL_S = 300;
export const TAILS_MAX = 30_000;

/** The last fix of each user, by time, which of them have moved since they were last taken, and fixes before for tails. */
export class LastFixes {
  readonly #usersMax: number;
  /** The place of each user in the columns. */
  readonly #slots = new Map<number, number>();
  readonly #times: Float64Array;
  readonly #latitudes: Int32Array;
  readonly #longitudes: Int32Array;
  readonly #users: Int32Array;
  readonly #hasMoved: Uint8Array;
  /** When the fix was that was last added to the tails. */
  readonly #tailTimes: Float64Array;
  /** Fixes before the last ones: user, time, latitude, longitude; a ring, and its number of fixes ever added. */
  readonly #tails = { rows: [] as number[][], added: 0 };
  #older: number[][] = [];
  #moved: number[] = [];
  /** Whether there are users that do not fit. */
  isFull = false;

  constructor(usersMax: number) {
    this.#usersMax = usersMax;
    this.#times = new Float64Array(usersMax);
    [this.#latitudes, this.#longitudes, this.#users] = [
      new Int32Array(usersMax),
      new Int32Array(usersMax),
      new Int32Array(usersMax),
    ];
    this.#hasMoved = new Uint8Array(usersMax);
    this.#tailTimes = new Float64Array(usersMax).fill(-Infinity);
  }

  /** Records that were stored. */
  add({ userIDs, timestamps, latitudes, longitudes }: Points): void {
    for (let i = 0; i < userIDs.length; i++) {
      this.#set(userIDs[i]!, timestamps[i]!, latitudes[i]!, longitudes[i]!);
    }
  }

  /** Rows of the table; those of other programs with an impossible time or place are skipped. */
  load(rows: LastRow[]): void {
    for (const [user, time, latitude, longitude] of rows.filter(isSomewhere)) {
      this.#set(user!, time!, latitude!, longitude!);
    }
  }

  /** Earlier rows of the table for the tails, oldest first. */
  loadTails(rows: LastRow[]): void {
    this.#older = rows.filter(isSomewhere);
  }

  /** Fixes for tails, each user's in the order of time. */
  tails(): FixColumns {
    const { rows, added } = this.#tails;
    const first = added > TAILS_MAX ? added % TAILS_MAX : 0;
    const all = [...this.#older, ...rows.slice(first), ...rows.slice(0, first)];
    const scaled = (i: number) => Int32Array.from(all, (row) => Math.round(row[i]! * 1e7));
    return {
      users: base64(Int32Array.from(all, ([user]) => user!)),
      times: base64(Float64Array.from(all, ([, time]) => time!)),
      latitudes: base64(scaled(2)),
      longitudes: base64(scaled(3)),
    };
  }

  /** Every user. */
  all(): FixColumns {
    return this.#columns([...this.#slots.values()]);
  }

  /** The users that have moved since the last call; null: none. */
  takeMoved(): FixColumns | null {
    const moved = this.#moved;
    if (moved.length === 0) return null;
    for (const slot of moved) this.#hasMoved[slot] = 0;
    this.#moved = [];
    return this.#columns(moved);
  }

  #set(user: number, time: number, latitude: number, longitude: number): void {
    let slot = this.#slots.get(user);
    if (slot === undefined) {
      slot = this.#slots.size;
      if (slot >= this.#usersMax) {
        this.isFull = true;
        return;
      }
      this.#slots.set(user, slot);
      this.#users[slot] = user;
    } else if (time < this.#times[slot]!) return;
    this.#times[slot] = time;
    this.#latitudes[slot] = Math.round(latitude * 1e7);
    this.#longitudes[slot] = Math.round(longitude * 1e7);
    // With more users, the fixes in the tails are further apart.
    if (time - this.#tailTimes[slot]! >= TAIL_S * this.#slots.size / TAILS_MAX) {
      this.#tailTimes[slot] = time;
      this.#tails.rows[this.#tails.added++ % TAILS_MAX] = [user, time, latitude, longitude];
    }
    if (this.#hasMoved[slot]) return;
    this.#hasMoved[slot] = 1;
    this.#moved.push(slot);
  }

  #columns(slots: number[]): FixColumns {
    const pick = <T extends Int32Array | Float64Array>(from: T, to: T): string => {
      for (let i = 0; i < slots.length; i++) to[i] = from[slots[i]!]!;
      return base64(to);
    };
    const { length } = slots;
    return {
      users: pick(this.#users, new Int32Array(length)),
      times: pick(this.#times, new Float64Array(length)),
      latitudes: pick(this.#latitudes, new Int32Array(length)),
      longitudes: pick(this.#longitudes, new Int32Array(length)),
    };
  }
}

function isSomewhere(row: LastRow): row is number[] {
  const [user, time, latitude, longitude] = row as number[];
  return user === (user! | 0) && Number.isFinite(time) && Math.abs(latitude!) <= 90 &&
    Math.abs(longitude!) <= 180;
}

function base64({ buffer }: Int32Array | Float64Array): string {
  return Buffer.from(buffer).toString("base64");
}
