import { permittedPath, placesWithout } from "./settings/read_access.ts";
import { run } from "./run.ts";
import { cannotWrite, ClosedPipe, sleep, stopSignals } from "./system.ts";

const isWindows = Deno.build.os === "windows";
const stop = new AbortController();
// While a question waits for its answer there is no work to finish.
let asking = false;
for (const [signal, code] of stopSignals(isWindows)) {
  Deno.addSignalListener(signal, () => {
    if (asking) Deno.stderr.writeSync(new TextEncoder().encode("\n"));
    if (asking || stop.signal.aborted) Deno.exit(code);
    // Exiting is always safe: what is not settled yet is read again.
    setTimeout(() => Deno.exit(code), 10_000);
    stop.abort(code);
  });
}

function stream(file: typeof Deno.stdout | typeof Deno.stderr) {
  const encoder = new TextEncoder();
  return {
    // Some terminals do not report their size: it is 0.
    get columns() {
      return file.isTerminal() ? Deno.consoleSize().columns || 80 : null;
    },
    get rows() {
      return file.isTerminal() ? Deno.consoleSize().rows || 24 : null;
    },
    async write(data: string | Uint8Array) {
      let bytes = typeof data === "string" ? encoder.encode(data) : data;
      try {
        while (bytes.length > 0) bytes = bytes.subarray(await file.write(bytes));
      } catch (error) {
        throw error instanceof Deno.errors.BrokenPipe
          ? new ClosedPipe()
          : cannotWrite(error as Error);
      }
    },
  };
}

const NEWLINE = 10;

async function ask(question: string): Promise<string | null> {
  if (!Deno.stdin.isTerminal()) return null;
  await Deno.stderr.write(new TextEncoder().encode(`${question} `));
  const line = new Uint8Array(100);
  asking = true;
  const length = await Deno.stdin.read(line) ?? 0;
  asking = false;
  // After Ctrl-D the cursor is still behind the question.
  if (line[length - 1] !== NEWLINE) await Deno.stderr.write(new Uint8Array([NEWLINE]));
  return new TextDecoder().decode(line.subarray(0, length));
}

/** Settings have far fewer bytes. */
const STDIN_MAX = 1_048_576;

function readStdin(): Uint8Array {
  const bytes = new Uint8Array(STDIN_MAX);
  let end = 0;
  for (let size; (size = Deno.stdin.readSync(bytes.subarray(end))); end += size);
  return bytes.subarray(0, end);
}

const permitted = (path: string) => isWindows ? permittedPath(path, Deno.cwd()) : path;

function readFile(path: string): Uint8Array {
  try {
    return Deno.readFileSync(permitted(path));
  } catch (error) {
    if (isWindows && isFolder(path)) throw new Deno.errors.IsADirectory("it is a folder");
    throw error;
  }
}

/** The error of Windows does not tell it. */
function isFolder(path: string): boolean {
  try {
    return Deno.statSync(permitted(path)).isDirectory;
  } catch {
    return false;
  }
}

const code = await run({
  args: Deno.args,
  env: (name) => Deno.env.get(name),
  envNames: () => Object.keys(Deno.env.toObject()),
  readFile,
  readStdin,
  mode: (path) => {
    const { mode, uid } = Deno.statSync(permitted(path));
    return mode === null || uid === null ? "unknown" : { mode, uid, isOwn: uid === Deno.uid() };
  },
  readOnlyNear(files) {
    for (const path of placesWithout(files, Deno.cwd(), isWindows)) {
      Deno.permissions.revokeSync({ name: "read", path });
    }
  },
  stdin: Deno.stdin.readable,
  stdinIsTerminal: Deno.stdin.isTerminal(),
  stdout: stream(Deno.stdout),
  stderr: stream(Deno.stderr),
  now: () => Date.now(),
  clock: () => performance.now(),
  sleep,
  random: () => crypto.getRandomValues(new Uint32Array(1))[0]!,
  signal: stop.signal,
  onStray(tell) {
    const exitWith = (event: Event, error: unknown) => {
      // Otherwise Deno would print the error with its secrets.
      event.preventDefault();
      void tell(error).then(Deno.exit);
    };
    addEventListener("error", (event) => exitWith(event, event.error));
    addEventListener("unhandledrejection", (event) => exitWith(event, event.reason));
  },
  ask,
  residentBytes: () => Deno.memoryUsage().rss,
  isWindows,
  engine: { v8: Deno.version.v8, typescript: Deno.version.typescript },
  runtime: `deno ${Deno.version.deno}, ${Deno.build.target}`,
});
// kafkajs can leave a connection that retries forever, so the process does not wait for an empty event loop.
Deno.exit(code);
