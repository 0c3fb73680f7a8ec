import type { Step } from "../../../postgres/store.ts";

/** A reject, without its value. */
export interface KeptReject {
  source: number;
  offset: number;
  code: string;
  path: string;
  message: string;
}

/** The seconds that one number of the history stands for, and how many there are. */
export const BUCKET_S = 5;
const BUCKETS = 120;
const REJECTS = 20;
/** A path can be as long as the record. */
const TEXT_MAX = 300;

/** What a page that is opened later needs to know of the past: how many records were settled when, and the last rejects. */
export class History {
  readonly #now: () => number;
  /** Records by their bucket of time. */
  readonly #counts = new Map<number, number>();
  #rejects: KeptReject[] = [];

  /** `now`: milliseconds of the clock that never jumps. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Called for each step that is in the database: must cost next to nothing. */
  settled({ source, messages, validated: { rejects } }: Step): void {
    const bucket = this.#bucket;
    const before = this.#counts.get(bucket);
    if (before === undefined) this.#counts.delete(bucket - BUCKETS - 1);
    this.#counts.set(bucket, (before ?? 0) + messages.length);
    if (rejects.length === 0) return;
    const kept = rejects.slice(-REJECTS).map(({ offset, code, path, reason }) => ({
      ...{ source, offset, code, path: cut(path), message: cut(reason) },
    }));
    this.#rejects = [...this.#rejects, ...kept].slice(-REJECTS);
  }

  /** The last rejects, newest first. */
  get rejects(): KeptReject[] {
    return this.#rejects.toReversed();
  }

  /** Records per bucket, oldest first, without the bucket that is being filled. */
  get counts(): number[] {
    const bucket = this.#bucket;
    for (const old of this.#counts.keys()) if (old < bucket - BUCKETS) this.#counts.delete(old);
    return Array.from({ length: BUCKETS }, (_, i) => this.#counts.get(bucket - BUCKETS + i) ?? 0);
  }

  get #bucket(): number {
    return Math.floor(this.#now() / 1000 / BUCKET_S);
  }
}

function cut(text: string): string {
  return text.length > TEXT_MAX ? `${text.slice(0, TEXT_MAX)}…` : text;
}
