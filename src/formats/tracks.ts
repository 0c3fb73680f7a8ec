import type { Fix } from "../record/geo.ts";
import { simplify } from "./simplify.ts";
import type { Cell, Format, RenderOptions } from "./format.ts";

/** Draws tracks: each call gives the next piece of text. */
export interface Pen {
  head: string;
  /** The track of a user begins. */
  user(userID: number): string;
  /** A segment begins: fixes without a gap between them. */
  segment(): string;
  /** The next fixes of the segment, at least one. */
  fixes(run: Fix[]): string;
  endSegment(): string;
  endUser(): string;
  tail(): string;
}

// The largest part of a segment that is simplified at once; the ends of each part are kept.
const STRETCH_MAX = 100_000;

/**
 * Draws fixes with a pen; the rows are ordered by user: user, time, latitude, longitude, … Rows of other programs with
 * invalid coordinates or times are skipped.
 */
export function tracks(
  { gapS, simplifyM }: Pick<RenderOptions, "gapS" | "simplifyM">,
  pen: Pen,
): Format {
  let user: number | null = null;
  let last: Fix | null = null;
  let run: Fix[] = [];

  function draw({ ends }: { ends: boolean }): string {
    if (run.length === 0) return "";
    const kept = simplifyM === null ? run : simplify(run, simplifyM);
    // The last fix of a part is also the first of the next.
    run = ends || simplifyM === null ? [] : [kept.pop()!];
    return kept.length > 0 ? pen.fixes(kept) : "";
  }

  function endSegment(): string {
    return draw({ ends: true }) + pen.endSegment();
  }

  function step(userID: number, fix: Fix): string {
    let text = "";
    if (userID !== user) {
      text += endUser() + pen.user(userID) + pen.segment();
    } else if (Math.abs(fix.timestamp - last!.timestamp) > gapS) {
      text += endSegment() + pen.segment();
    }
    user = userID;
    last = fix;
    run.push(fix);
    return run.length < STRETCH_MAX ? text : text + draw({ ends: false });
  }

  function endUser(): string {
    return user === null ? "" : endSegment() + pen.endUser();
  }

  return {
    head: pen.head,
    rows: (batch: Cell[][]) => {
      let text = "";
      for (const [userID, timestamp, latitude, longitude] of batch as number[][]) {
        const fix = { timestamp: timestamp!, latitude: latitude!, longitude: longitude! };
        if (isSomewhere(fix)) text += step(userID!, fix);
      }
      // A simplified segment is drawn when it ends.
      return simplifyM === null ? text + draw({ ends: false }) : text;
    },
    tail: () => endUser() + pen.tail(),
  };
}

function isSomewhere({ timestamp, latitude, longitude }: Fix): boolean {
  return Number.isFinite(timestamp) && Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180;
}
