// Starts and stops programs for the tests. No remote imports: see task.ts.

/** A program that runs until it is stopped. */
export interface Child {
  pid: number;
  /** The end of what it printed so far, for a failure message. */
  tail(): string;
  /** Sends the signal and waits for the end; does nothing if it has ended. */
  stop(signal?: Deno.Signal): Promise<void>;
  kill(signal: Deno.Signal): void;
  ended: Promise<Deno.CommandStatus>;
}

const TAIL_CHARS = 4_000;

/** Starts a program and waits until it prints `ready`; if it ends before that, throws what it printed. */
export async function startChild(
  command: string,
  options: Deno.CommandOptions & { ready: RegExp; name: string },
): Promise<Child> {
  const { ready, name, ...rest } = options;
  const process = new Deno.Command(command, {
    ...rest,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let text = "";
  const seen = Promise.withResolvers<void>();
  const drain = async (stream: ReadableStream<Uint8Array>) => {
    const decoder = new TextDecoder();
    for await (const chunk of stream) {
      text = (text + decoder.decode(chunk, { stream: true })).slice(-TAIL_CHARS);
      if (ready.test(text)) seen.resolve();
    }
  };
  const drained = Promise.all([drain(process.stdout), drain(process.stderr)]);
  const ended = process.status.then(async (status) => {
    await drained;
    return status;
  });
  ended.then(() => seen.reject(new Error(`${name} ended at its start:\n${text}`)));
  await seen.promise;
  return {
    pid: process.pid,
    tail: () => text,
    ended,
    kill: (signal) => process.kill(signal),
    stop: async (signal = "SIGTERM") => {
      try {
        process.kill(signal);
      } catch {
        // It has ended already.
      }
      await ended;
    },
  };
}

/** Runs a program and returns what it printed; throws that if it fails. `onText` gets it piece by piece. */
export async function runChild(
  command: string,
  options: Deno.CommandOptions & { name: string; onText?: (text: string) => void },
): Promise<string> {
  const { name, onText = () => {}, ...rest } = options;
  const process = new Deno.Command(command, {
    ...rest,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const [out, errors, { success }] = await Promise.all([
    readAll(process.stdout, onText),
    readAll(process.stderr, onText),
    process.status,
  ]);
  const text = out + errors;
  if (!success) throw new Error(`${name} failed:\n${text.slice(-TAIL_CHARS)}`);
  return text;
}

async function readAll(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  onText: (text: string) => void,
): Promise<string> {
  let text = "";
  for await (const piece of stream.pipeThrough(new TextDecoderStream())) {
    text += piece;
    onText(piece);
  }
  return text;
}

/**
 * A folder and processes that are removed when this process ends, even with `kill -9`: a shell does that when its input
 * ends.
 */
export class Sandbox {
  readonly dir: string;
  readonly #shell: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;

  constructor() {
    this.dir = Deno.makeTempDirSync({ prefix: "routes-services-" });
    // PostgreSQL does not run as root, and its user must be able to read the folder.
    Deno.chmodSync(this.dir, 0o755);
    const script = `trap '' INT TERM HUP
      while read -r sign pid; do
        case $sign in
          +) pids="$pids $pid" ;;
          -) pids=$(for each in $pids; do [ "$each" = "$pid" ] || echo "$each"; done) ;;
        esac
      done
      [ -n "$pids" ] && kill -CONT $pids 2>/dev/null && kill -KILL $pids 2>/dev/null
      rm -rf "$0"`;
    this.#shell = new Deno.Command("sh", {
      args: ["-c", script, this.dir],
      stdin: "piped",
      stdout: "null",
      stderr: "null",
    }).spawn();
    this.#input = this.#shell.stdin.getWriter();
  }

  /** Adds a process. */
  async adopt<T extends { pid: number }>(child: T): Promise<T> {
    await this.#input.write(new TextEncoder().encode(`+ ${child.pid}\n`));
    return child;
  }

  /** Removes a process that has ended: another one may get its id. */
  async release({ pid }: { pid: number }): Promise<void> {
    await this.#input.write(new TextEncoder().encode(`- ${pid}\n`));
  }

  /** Ends what is still running and removes the folder. */
  async close(): Promise<void> {
    await this.#input.close();
    await this.#shell.status;
  }
}

/** A free port on 127.0.0.1, the preferred one if possible. */
export function freePort(preferred = 0): number {
  try {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: preferred });
    const { port } = listener.addr as Deno.NetAddr;
    listener.close();
    return port;
  } catch {
    return freePort();
  }
}

/** Whether a server listens on that port of 127.0.0.1. */
export async function listens(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    return true;
  } catch {
    return false;
  }
}

/** The folder for downloads; for root, one that other users can read. */
export function cacheDir(): string {
  const isRoot = Deno.uid() === 0;
  const home = Deno.env.get("XDG_CACHE_HOME") ?? `${Deno.env.get("HOME")}/.cache`;
  const dir = isRoot ? "/var/cache/routes-tests" : `${home}/routes-tests`;
  Deno.mkdirSync(dir, { recursive: true });
  return dir;
}

/** Creates `dir` completely or not at all, also if several runs do it at once; `fill` gets a draft folder. */
export async function once(dir: string, fill: (dir: string) => Promise<void>): Promise<string> {
  try {
    await Deno.stat(dir);
    return dir;
  } catch {
    const draft = await Deno.makeTempDir({ dir: dir.replace(/\/[^/]*$/, ""), prefix: "draft-" });
    await Deno.chmod(draft, 0o755);
    try {
      await fill(draft);
    } catch (error) {
      await Deno.remove(draft, { recursive: true });
      throw error;
    }
    await Deno.rename(draft, dir).catch(async (error) => {
      await Deno.remove(draft, { recursive: true });
      // Another run was faster.
      if (!(await Deno.stat(dir).catch(() => null))) throw error;
    });
    return dir;
  }
}
