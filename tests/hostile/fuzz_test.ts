import { assert } from "@std/assert";
import { Buffer } from "node:buffer";
import { connect, createServer, type Socket } from "node:net";
import { type Draw, drawFrom, pick } from "../fakes/random.ts";
import { openAlteringProxy } from "../support/altering_proxy.ts";
import { testSettings } from "../support/fixtures.ts";
import { watchMemory } from "../support/memory.ts";
import { type ProgramFixture, withProgram } from "../support/program.ts";

// Damages bytes of what real servers answer. How to run longer:
// ROUTES_FUZZ_SECONDS=600 ROUTES_FUZZ_SEED=7 deno task test tests/hostile/fuzz_test.ts

const SECONDS = Number(Deno.env.get("ROUTES_FUZZ_SECONDS") ?? 5);
const SEED = Number(Deno.env.get("ROUTES_FUZZ_SEED") ?? 1);
const SECRET = "kept-from-everybody";
/** After it a program is asked to stop; then it has the time that its own limit gives it, and a little more. */
const TIME_MAX_MS = 15_000;
const STOP_MAX_MS = 12_000;
const MEMORY_MAX_MIB = 400;
/** A connection of these commands gets about as many bytes. */
const REACH = 3_000;

/** The byte, counted over a run, at which an answer is damaged, and how. */
interface Damage {
  at: number;
  how: "flip" | "cut" | "repeat";
  bit: number;
}

function damage(bytes: Buffer, at: number, { how, bit }: Damage): Buffer {
  if (how === "cut") return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + bit)]);
  if (how === "repeat") return Buffer.concat([bytes.subarray(0, at + 1), bytes.subarray(at)]);
  bytes[at]! ^= 1 << bit;
  return bytes;
}

/** Passes connections on to PostgreSQL and damages one byte of what it answers. */
async function openDamagingProxy(target: { host: string; port: number }, plan: Damage) {
  const sockets = new Set<Socket>();
  let seen = 0;
  const server = createServer((client) => {
    const backend = connect(target);
    for (const socket of [client, backend]) {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        client.destroy();
        backend.destroy();
      });
    }
    client.on("data", (bytes) => backend.write(bytes));
    backend.on("data", (bytes: Buffer) => {
      const at = plan.at - seen;
      seen += bytes.length;
      client.write(at >= 0 && at < bytes.length ? damage(bytes, at, plan) : bytes);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as { port: number }).port,
    close: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

/** Runs a command; fails if it crashes, hangs, takes too much memory, or prints what it must not. */
async function survive(fixture: ProgramFixture, args: string[], what: string): Promise<void> {
  const running = fixture.start(args, { env: { ROUTES_POSTGRESQL_PASSWORD: SECRET } });
  const peak = watchMemory(running.pid, running.ended);
  let isLate = false;
  const stop = setTimeout(() => running.kill("SIGTERM"), TIME_MAX_MS);
  const timer = setTimeout(() => {
    isLate = true;
    running.kill("SIGKILL");
  }, TIME_MAX_MS + STOP_MAX_MS);
  const { code, stdout, stderr } = await running.ended;
  const peakMib = await peak;
  clearTimeout(stop);
  clearTimeout(timer);
  const told = `${what}: ${args.join(" ")} ended with ${code}:\n${stderr}`;
  // An answer can be wrong and plausible, such as an assignment: a run may then wait, but not hang.
  assert(!isLate, `did not stop, ${told}`);
  assert(code !== 1 && (code < 128 || code === 143), told);
  assert(peakMib < MEMORY_MAX_MIB, `${peakMib.toFixed()} MiB, ${told}`);
  assert(!(stdout + stderr).includes(SECRET), `a secret, ${told}`);
  // deno-lint-ignore no-control-regex
  assert(!/[\x00-\x09\x0b-\x1f\x7f-\x9f]/.test(stderr), `a control character, ${told}`);
}

function drawDamage(draw: Draw, hows: Damage["how"][]): Damage {
  return { at: draw(REACH), how: pick(draw, hows), bit: draw(8) };
}

/** Runs rounds until the time is over. */
async function fuzz(seed: number, round: (draw: Draw, what: string) => Promise<void>) {
  const draw = drawFrom(seed);
  const endMs = performance.now() + SECONDS * 1000;
  for (let i = 0; performance.now() < endMs; i++) await round(draw, `seed ${seed}, round ${i}`);
}

const QUICK = ["--timeout", "2s"];

Deno.test({
  name: "a damaged answer of PostgreSQL does not crash, hang or fill the program",
  ignore: Deno.build.os !== "linux",
  fn: () =>
    withProgram({ partitions: 1 }, async (fixture) => {
      await fixture.routes(["produce", "-n", "50", "--seed", "1"]);
      await fixture.routes(["consume"]);
      const { servers: [{ host, port }] } = testSettings().postgresql;
      const commands = ["query --limit 20", "query --rejects", "migrate", "consume", "check query"];
      await fuzz(SEED, async (draw, round) => {
        const plan = drawDamage(draw, ["flip", "cut", "repeat"]);
        const proxy = await openDamagingProxy({ host, port }, plan);
        const at = ["-X", `postgresql.port=${proxy.port}`, "-X", "postgresql.connect_timeout=2s"];
        const command = pick(draw, commands).split(" ");
        try {
          const limits = [...QUICK, ...at, "-X", "postgresql.statement_timeout=2s"];
          await survive(fixture, [...command, ...limits], `${round}, ${JSON.stringify(plan)}`);
        } finally {
          await proxy.close();
        }
      });
    }),
});

Deno.test({
  name: "a damaged answer of Kafka does not crash, hang or fill the program",
  ignore: Deno.build.os !== "linux",
  fn: () =>
    withProgram({ partitions: 1 }, async (fixture) => {
      await fixture.routes(["produce", "-n", "50", "--seed", "1"]);
      const [, port] = testSettings().kafka.brokers[0]!.split(":");
      const commands = ["produce -n 5", "consume", "verify", "check produce"];
      await fuzz(SEED + 1, async (draw, round) => {
        const plan = drawDamage(draw, ["flip"]);
        let seen = 0;
        const proxy = await openAlteringProxy(Number(port), (response) => {
          const at = plan.at - seen;
          seen += response.length;
          // A wrong length only delays the answers: tests/hostile/kafka_test.ts has those.
          if (at >= 4 && at < response.length) damage(response, at, plan);
        });
        const command = pick(draw, commands).split(" ");
        try {
          const at = ["-X", `kafka.bootstrap_servers=127.0.0.1:${proxy.port}`];
          await survive(
            fixture,
            [...command, ...QUICK, ...at],
            `${round}, ${JSON.stringify(plan)}`,
          );
        } finally {
          await proxy.close();
        }
      });
    }),
});
