import type { Sandbox } from "../support/child.ts";

/** How to start the program. */
export interface ProcessOptions {
  sandbox: Sandbox;
  /** The folder with deno.json and src: the project, or a changed copy. */
  root: string;
  /** Flags of `deno run` that resolve the imports. */
  flags: string[];
  args: string[];
  env: Record<string, string>;
}

/** A process of `routes`, with everything that it printed. */
export class Process {
  out = "";
  err = "";
  readonly pid: number;
  readonly ended: Promise<Deno.CommandStatus>;
  /** Null while it runs. */
  status: Deno.CommandStatus | null = null;
  /** Whether its end is expected: it got a signal, or a test waits for its end. */
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

  /** Whether it failed when its end was not expected. */
  get failed(): boolean {
    return this.status !== null && !this.mayEnd && this.status.code !== 0;
  }

  /** Sends a signal, unless the process has ended. */
  kill(signal: Deno.Signal): void {
    if (signal !== "SIGSTOP" && signal !== "SIGCONT") this.mayEnd = true;
    try {
      this.#child.kill(signal);
    } catch {
      // It has just ended.
    }
  }

  /** Sends SIGTERM and returns the milliseconds until the end; throws after `limitMs`. */
  async stop(limitMs = 20_000): Promise<number> {
    const began = performance.now();
    this.kill("SIGTERM");
    await this.end(limitMs);
    return performance.now() - began;
  }

  /** Waits for the end; throws after `limitMs`. */
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

  /** Stops reading its stdout, as `head` does. */
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

/** Starts the program with its own permissions: the binary that ROUTES_BIN names, otherwise the source. */
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
