import { peakMemory } from "../support/memory.ts";

/** Time and memory of a program. CPU (of all threads) and memory are NaN except on Linux. */
export interface Cost {
  seconds: number;
  cpuSeconds: number;
  /** The most memory that it used. */
  peakMb: number;
}

const SAMPLE_MS = 20;
/** Clock ticks per second: `getconf CLK_TCK` prints 100 on every Linux. */
const TICKS = 100;

/** Runs a program to its end, start included; throws its stderr, which must be piped, if it fails. */
export async function measure(command: Deno.Command): Promise<Cost> {
  const beganMs = performance.now();
  const child = command.spawn();
  let last = usageOf(child.pid);
  const timer = setInterval(() => last = usageOf(child.pid) ?? last, SAMPLE_MS);
  const errors = await new Response(child.stderr).text();
  const { success } = await child.status;
  clearInterval(timer);
  const seconds = (performance.now() - beganMs) / 1000;
  if (!success) throw new Error(`a program that was measured failed: ${errors}`);
  return {
    seconds,
    cpuSeconds: last?.cpuSeconds ?? NaN,
    peakMb: last?.peakMb ?? NaN,
  };
}

/** CPU and memory of a process so far; null if it has ended or this is not Linux. */
export function usageOf(pid: number): { cpuSeconds: number; peakMb: number } | null {
  try {
    // After the name, which may contain anything, user and system time are the 12th and 13th field.
    const fields = Deno.readTextFileSync(`/proc/${pid}/stat`).replace(/^.*\) /s, "").split(" ");
    const peakMb = peakMemory(pid);
    if (peakMb === null) return null;
    return {
      cpuSeconds: (Number(fields[11]) + Number(fields[12])) / TICKS,
      peakMb,
    };
  } catch {
    return null;
  }
}

/** The median. */
export function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}
