/**
 * The environment of a process with a heap limit. Without a limit V8 lets the heap grow before it collects garbage, which
 * looks like a leak.
 */
export function heapOf(megabytes: number): Record<string, string> {
  return { DENO_V8_FLAGS: `--max-old-space-size=${megabytes}` };
}

/** The memory and file descriptors of a process; zeros if it has ended or this is not Linux. */
export interface Reading {
  memoryMb: number;
  /** The most memory that it has used so far. */
  peakMb: number;
  descriptors: number;
}

/** Measures one process repeatedly, from /proc of Linux. */
export class Meter {
  peakMb = 0;
  readonly #readings: Reading[] = [];

  measure(pid: number): Reading {
    const reading = read(pid);
    this.peakMb = Math.max(this.peakMb, reading.peakMb);
    if (reading.memoryMb > 0) this.#readings.push(reading);
    return reading;
  }

  /** The medians of the second and of the last third of the readings. */
  trend(of: (reading: Reading) => number): { before: number; after: number } {
    const third = Math.floor(this.#readings.length / 3);
    const median = (readings: Reading[]) =>
      readings.map(of).sort((a, b) => a - b)[Math.floor(readings.length / 2)] ?? 0;
    return {
      before: median(this.#readings.slice(third, 2 * third)),
      after: median(this.#readings.slice(2 * third)),
    };
  }
}

function read(pid: number): Reading {
  try {
    const status = Deno.readTextFileSync(`/proc/${pid}/status`);
    const megabytes = (name: string) =>
      Math.round(Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1] ?? 0) / 1024);
    const descriptors = [...Deno.readDirSync(`/proc/${pid}/fd`)].length;
    return { memoryMb: megabytes("VmRSS"), peakMb: megabytes("VmHWM"), descriptors };
  } catch {
    return { memoryMb: 0, peakMb: 0, descriptors: 0 };
  }
}
