/** The most memory that a process has used so far, in MiB; null if it has ended or this is not Linux. */
export function peakMemory(pid: number): number | null {
  try {
    const kib = /VmHWM:\s+(\d+) kB/.exec(Deno.readTextFileSync(`/proc/${pid}/status`))?.[1];
    return kib === undefined ? null : Number(kib) / 1024;
  } catch {
    return null;
  }
}

/** Looks at the memory of a process until `ended`; returns the most that it used, in MiB. */
export async function watchMemory(pid: number, ended: Promise<unknown>): Promise<number> {
  let peakMib = 0;
  // A process that has ended and was not yet waited for tells nothing.
  const look = setInterval(() => peakMib = peakMemory(pid) ?? peakMib, 20);
  await ended.finally(() => clearInterval(look));
  return peakMib;
}
