/** What a program cost; CPU of all its threads, in seconds. Memory and CPU are known on Linux only, else NaN. */
export interface Cost {
  seconds: number;
  cpuSeconds: number;
  /** The most memory it had at a time. */
  peakMb: number;
}

const LOOK_MS = 20;
/** Ticks of the kernel's clock a second, as `getconf CLK_TCK` says everywhere. */
const TICKS = 100;

/** Runs a program to its end, start-up and all; throws what it told on stderr, to be piped, when it fails. */
export async function measure(command: Deno.Command): Promise<Cost> {
  const beganMs = performance.now();
  const child = command.spawn();
  let last = look(child.pid);
  const timer = setInterval(() => last = look(child.pid) ?? last, LOOK_MS);
  const told = await new Response(child.stderr).text();
  const { success } = await child.status;
  clearInterval(timer);
  const seconds = (performance.now() - beganMs) / 1000;
  if (!success) throw new Error(`a program that was measured failed: ${told}`);
  return {
    seconds,
    cpuSeconds: last?.cpuSeconds ?? NaN,
    peakMb: last?.peakMb ?? NaN,
  };
}

/** What a process has taken so far; null when it is gone, or this is not Linux. */
export function look(pid: number): { cpuSeconds: number; peakMb: number } | null {
  try {
    // Behind the name, which may hold anything: user and system time are the 12th and 13th field.
    const fields = Deno.readTextFileSync(`/proc/${pid}/stat`).replace(/^.*\) /s, "").split(" ");
    const [, kb] = /VmHWM:\s+(\d+) kB/.exec(Deno.readTextFileSync(`/proc/${pid}/status`)) ?? [];
    if (kb === undefined) return null;
    return {
      cpuSeconds: (Number(fields[11]) + Number(fields[12])) / TICKS,
      peakMb: Number(kb) / 1024,
    };
  } catch {
    return null;
  }
}

/** The middle one. */
export function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}
