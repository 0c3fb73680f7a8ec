import type { Sandbox } from "../support/child.ts";

/** How to start the program. */
export interface ProcessOptions {
  sandbox: Sandbox;
  /** The folder with deno.json and src; a changed copy serves as well. */
  root: string;
  /** For `deno run`, so that imports resolve. */
  flags: string[];
  args: string[];
  env: Record<string, string>;
}

/** One running `routes`; all that it prints is kept. */
export class Process {
  out = "";
  err = "";
  readonly pid: number;
  readonly ended: Promise<Deno.CommandStatus>;
  /** Null while it runs. */
  status: Deno.CommandStatus | null = null;
  /** Whether somebody told it to end, or waits for its end: else it has no business to. */
  mayEnd = false;
  readonly #child: Deno.ChildProcess;
  readonly #stdout: ReadableStreamDefaultReader<Uint8Array>;

  constructor(child: Deno.ChildProcess, sandbox: Sandbox) {
    this.#child = child;
    this.#stdout = child.stdout.getReader();
    this.pid = child.pid;
    const drained = [
      this.#drain(this.#stdout, (text) => this.out += text),
      this.#drain(child.stderr.getReader(), (text) => this.err += text),
    ];
    this.ended = child.status.then(async (status) => {
      await Promise.all(drained);
      await sandbox.release(child);
      return this.status = status;
    });
  }

  get running(): boolean {
    return this.status === null;
  }

  /** Whether it failed of itself. */
  get failed(): boolean {
    return this.status !== null && !this.mayEnd && this.status.code !== 0;
  }

  /** Sends a signal; to one that has ended, nothing. */
  kill(signal: Deno.Signal): void {
    if (signal !== "SIGSTOP" && signal !== "SIGCONT") this.mayEnd = true;
    try {
      this.#child.kill(signal);
    } catch {
      // It has just ended.
    }
  }

  /** Sends SIGTERM; returns the milliseconds it took to end. Throws when it does not within `limitMs`. */
  async stop(limitMs = 20_000): Promise<number> {
    const began = performance.now();
    this.kill("SIGTERM");
    await this.end(limitMs);
    return performance.now() - began;
  }

  /** Waits for the end; throws when it does not come. */
  async end(limitMs: number): Promise<Deno.CommandStatus> {
    this.mayEnd = true;
    let timer;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        reject(new Error(`process ${this.pid} still runs after ${limitMs} ms:\n${this.err}`));
      }, limitMs);
    });
    try {
      return await Promise.race([this.ended, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** What `--json` printed at the end. */
  summary(): Record<string, number> {
    return JSON.parse(this.out.trim().split("\n").at(-1)!);
  }

  /** Reads no more of what it prints, as `head` does. */
  async closeOut(): Promise<void> {
    await this.#stdout.cancel();
  }

  async #drain(
    reader: ReadableStreamDefaultReader<Uint8Array>,
    take: (text: string) => void,
  ): Promise<void> {
    const decoder = new TextDecoder();
    for (let read; !(read = await reader.read()).done;) {
      take(decoder.decode(read.value, { stream: true }));
    }
  }
}

/** Starts the program: the binary that ROUTES_BIN names, else the source, with no more permissions than users give it. */
export async function startProcess(options: ProcessOptions): Promise<Process> {
  const { sandbox, root, flags, args, env } = options;
  const binary = Deno.env.get("ROUTES_BIN");
  const [command, prefix] = binary
    ? [binary, []]
    : [Deno.execPath(), ["run", "-P", "--no-prompt", "--no-check", ...flags, "src/main.ts"]];
  const child = new Deno.Command(command, {
    args: [...prefix, ...args],
    cwd: root,
    env: { ...env, NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  await sandbox.adopt(child);
  return new Process(child, sandbox);
}
