/**
 * For the environment of a process: room for that many megabytes of objects. Where there is more, V8 takes it rather than
 * look for what can be freed, and nobody can tell that from a leak.
 */
export function heapOf(megabytes: number): Record<string, string> {
  return { DENO_V8_FLAGS: `--max-old-space-size=${megabytes}` };
}

/** What a process holds at one moment; zeros when it has ended or the system does not say. */
export interface Reading {
  memoryMb: number;
  /** The most memory it ever held. */
  peakMb: number;
  descriptors: number;
}

/** Measures one process again and again, by /proc of Linux. */
export class Meter {
  peakMb = 0;
  readonly #readings: Reading[] = [];

  measure(pid: number): Reading {
    const reading = read(pid);
    this.peakMb = Math.max(this.peakMb, reading.peakMb);
    if (reading.memoryMb > 0) this.#readings.push(reading);
    return reading;
  }

  /** How the last third of the readings compares to the one before: the medians of both. */
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
