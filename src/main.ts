import { placesWithout } from "./settings/read_access.ts";
import { run } from "./run.ts";
import { cannotWrite, ClosedPipe, sleep } from "./system.ts";

const isWindows = Deno.build.os === "windows";
const stop = new AbortController();
// On Windows, SIGBREAK is Ctrl-Break, and SIGHUP comes when the window is closed; Deno refuses the others there.
const signals: [Deno.Signal, number][] = isWindows
  ? [["SIGINT", 130], ["SIGBREAK", 149], ["SIGHUP", 129]]
  : [["SIGINT", 130], ["SIGTERM", 143], ["SIGHUP", 129], ["SIGQUIT", 131]];
// While a question waits for its answer there is no work to finish.
let asking = false;
for (const [signal, code] of signals) {
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
    get columns() {
      // Some terminals do not report their width: it is 0.
      return file.isTerminal() ? Deno.consoleSize().columns || 80 : null;
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

async function ask(question: string): Promise<string | null> {
  if (!Deno.stdin.isTerminal()) return null;
  await Deno.stderr.write(new TextEncoder().encode(`${question} `));
  const line = new Uint8Array(100);
  asking = true;
  const length = await Deno.stdin.read(line) ?? 0;
  asking = false;
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

const code = await run({
  args: Deno.args,
  env: (name) => Deno.env.get(name),
  envNames: () => Object.keys(Deno.env.toObject()),
  readFile: (path) => Deno.readFileSync(path),
  readStdin,
  mode: (path) => {
    const { mode, uid } = Deno.statSync(path);
    return mode === null || uid === null ? null : { mode, uid, isOwn: uid === Deno.uid() };
  },
  readOnlyNear(files) {
    for (const path of placesWithout(files, Deno.cwd(), isWindows)) {
      Deno.permissions.revokeSync({ name: "read", path });
    }
  },
  stdin: Deno.stdin.readable,
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
  runtime: `deno ${Deno.version.deno}, ${Deno.build.target}`,
});
// kafkajs can leave a connection that retries forever, so the process does not wait for an empty event loop.
Deno.exit(code);
