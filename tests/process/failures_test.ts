import { assert, assertEquals, assertMatch } from "@std/assert";
import { freePort } from "../support/child.ts";
import { importFlags } from "../support/imports.ts";
import { permissionFlags, programCommand } from "../support/permissions.ts";
import { withProgram } from "../support/program.ts";
import { libraries } from "../../src/version.ts";

const ROOT = `${import.meta.dirname}/../..`;
const NOTHING = String(freePort());
const NO_TOPIC =
  /^routes: topic "nowhere" does not exist on .*\n.*\n {2}fix: routes migrate -X kafka\.topic=nowhere --topic\n$/;
const NO_KAFKA = /^routes: cannot reach Kafka at 127.0.0.1:\d+: connection refused\n/;
const NO_POSTGRES = /^routes: cannot reach PostgreSQL at .*: connection refused\n/;
const NO_TABLES =
  /^routes: the tables in schema "nowhere" of .* are not ready\n.*\n {2}fix: routes migrate -X postgresql\.schema=nowhere\n$/;

const failures: [line: string, code: number, stderr: RegExp][] = [
  ["consume -X kafka.topic=nowhere", 69, NO_TOPIC],
  ["produce -X kafka.topic=nowhere", 69, NO_TOPIC],
  ["verify -X kafka.topic=nowhere", 69, NO_TOPIC],
  [`consume -X kafka.bootstrap_servers=127.0.0.1:${NOTHING}`, 69, NO_KAFKA],
  [`produce -X kafka.bootstrap_servers=127.0.0.1:${NOTHING}`, 69, NO_KAFKA],
  [
    "consume -X kafka.bootstrap_servers=no.host.invalid:9092",
    69,
    /Kafka at no.*: (the name is not known|no name server answers)\n/,
  ],
  [`consume -X postgresql.port=${NOTHING}`, 69, NO_POSTGRES],
  [`migrate -X postgresql.port=${NOTHING}`, 69, NO_POSTGRES],
  [`query -X postgresql.port=${NOTHING}`, 69, NO_POSTGRES],
  [
    "query -X postgresql.host=no.host.invalid -X postgresql.sslmode=disable",
    69,
    /PostgreSQL at no.*: (the name is not known|no name server answers)\n/,
  ],
  [
    "consume -X postgresql.dbname=nowhere",
    69,
    /^routes: database "nowhere" does not exist .*\n.*\n {2}fix: routes migrate -X postgresql\.dbname=nowhere --create-database\n$/,
  ],
  ["consume -X postgresql.schema=nowhere", 69, NO_TABLES],
  ["query -X postgresql.schema=nowhere", 69, NO_TABLES],
  [
    "query -X postgresql.user=unknown_user",
    77,
    /^routes: login of "unknown_user" refused by /,
  ],
  ["consume -X kafka.tpoic=x", 78, /tpoic.*topic/],
  ["consume -X kafka.security_protocol=SSLL", 78, /security_protocol/],
  ["consume -X postgresql.port=0", 78, /port/],
  [
    "consume --config res/nowhere.ini",
    66,
    /^routes: cannot read "res\/nowhere.ini": file does not exist\n {2}fix: .*\n$/,
  ],
  [
    "consume --config /etc/passwd",
    77,
    /^routes: not permitted to read "\/etc\/passwd"\n {2}settings are .*\n {2}fix: .*\n.* res && ln -s /,
  ],
  [
    "query -X postgresql.sslmode=verify-full -X postgresql.sslrootcert=/etc/passwd",
    77,
    /^routes: not permitted to read "\/etc\/passwd"\n {2}\[postgresql\] sslrootcert names this file/,
  ],
  ["consume --config res", 66, /^routes: cannot read "res": is a directory\n/],
  ["consume --folow", 2, /^routes: .*--folow.*\n/],
  ["consmue", 2, /^routes: .*consmue.*consume/s],
  ["consume --count -5", 2, /^routes: .*--count/],
  ["consume --follow --until 5", 2, /^routes: .*--follow.*--until/],
  ["consume -X postgresql.password=hunter2", 78, /^(?!.*hunter2)/s],
];

Deno.test("every expected failure prints one reason and a fix, sets its exit code, and never prints a stack", () =>
  withProgram({}, async (fixture) => {
    await Deno.mkdir(`${fixture.dir}/res`);
    for (const [line, code, stderr] of failures) {
      const args = line.split(" ");
      // As text and as JSON.
      const [ended, json] = await Promise.all([
        fixture.routes(args),
        fixture.routes(["--json", ...args]),
      ]);
      assertEquals([ended.code, ended.stdout], [code, ""], `${line}: ${ended.stderr}`);
      assertMatch(ended.stderr, stderr, line);
      assert(!/^ +at |Error:/m.test(ended.stderr), ended.stderr);
      assertEquals([json.code, json.stdout], [code, ""], line);
      const report = JSON.parse(json.stderr);
      assertEquals(report.code, code);
      assert(ended.stderr.startsWith(`routes: ${report.error}`), json.stderr);
    }
  }));

Deno.test("help and version go to stdout, and a closed stdout is no error", () =>
  withProgram({ migrated: false }, async (fixture) => {
    await Deno.remove(`${fixture.dir}/host_settings.ini`);
    for (const args of [["--help"], ["help", "consume"], ["consume", "-h"], []]) {
      const { code, stdout, stderr } = await fixture.routes(args);
      assertEquals([code, stderr], [0, ""], args.join(" "));
      assertMatch(stdout, /^Usage: routes/m);
    }
    for (const args of [["version"], ["--version"], ["-V"], ["query", "--version"]]) {
      const { code, stdout } = await fixture.routes(args);
      assertEquals(code, 0);
      assertMatch(
        stdout,
        /^routes \d+\.\d+\.\d+ \(deno \d+\.\d+\.\d+, [\w-]+\)\n(built with deno .*\n)?$/,
      );
      const { version, runtime } = JSON.parse((await fixture.routes([...args, "--json"])).stdout);
      assertEquals(stdout.split("\n")[0], `routes ${version} (${runtime})`);
    }
    for (const args of [["version", "-v"], ["--version", "--verbose"], ["query", "-Vv"]]) {
      const { stdout } = await fixture.routes(args);
      const [parts, used] = stdout.trimEnd().split("\n").slice(-2);
      assertMatch(parts!, /^V8 \d+\.\d+\.\d+\S*, TypeScript \d+\.\d+\.\d+$/);
      assertEquals(used, Object.entries(libraries).map((library) => library.join(" ")).join(", "));
    }
    const all = JSON.parse((await fixture.routes(["version", "-v", "--json"])).stdout);
    assertEquals(Object.keys(all), ["version", "runtime", "v8", "typescript", "libraries"]);
    assertEquals(all.libraries, libraries);
    for (const args of [["--help"], ["produce", "--dry-run", "--count", "0", "--quiet"]]) {
      const closed = fixture.start(args);
      await closed.closeStdout();
      const { code, stderr } = await closed.ended;
      assertEquals([code, stderr], [0, ""], args.join(" "));
    }
  }));

Deno.test("no output contains a secret, for any failure and any verbosity", () =>
  withProgram({ migrated: false }, async (fixture) => {
    const secrets = { password: "p%ss/w:rd 1ü", sasl: 's"sl\\secret' };
    const config = await Deno.readTextFile(`${fixture.dir}/host_settings.ini`);
    const file = config.replace(/^password = .*$/m, `password = ${secrets.password}`);
    await Deno.writeTextFile(`${fixture.dir}/host_settings.ini`, file);
    const sasl = {
      ROUTES_KAFKA_SASL_MECHANISM: "PLAIN",
      ROUTES_KAFKA_SASL_PLAIN_USERNAME: "someone",
      ROUTES_KAFKA_SASL_PLAIN_PASSWORD: secrets.sasl,
      ROUTES_KAFKA_SECURITY_PROTOCOL: "SASL_PLAINTEXT",
    };
    const uri = "postgres://u:topsecret@127.0.0.1:1/x";
    const runs: [args: string[], env?: Record<string, string>][] = [
      [["consume", "-vv", "--timeout", "2s"], sasl],
      [["consume", "-vv", "--json", "--timeout", "2s"], sasl],
      [["consume", "-vv", "-X", "postgresql.dbname=nowhere"]],
      [["migrate", "-vv", "-X", "postgresql.dbname=nowhere"]],
      [["query", "-vv", "-X", "postgresql.user=unknown"]],
      [["query", "-vv", "-X", `postgresql.port=${NOTHING}`]],
      [["query", "-vv"], { ROUTES_POSTGRESQL_SERVICE_URI: `${uri}?sslmode=nix` }],
      [["query", "-vv", "-X", `postgresql.service_uri=${uri}`]],
    ];
    const encoded = [
      encodeURIComponent(secrets.password),
      JSON.stringify(secrets.sasl).slice(1, -1),
    ];
    for (const [args, env = {}] of runs) {
      const { code, stdout, stderr } = await fixture.routes(args, { env });
      assert(code > 1, `${args}: ${code} ${stderr}`);
      for (const secret of [...Object.values(secrets), ...encoded, "topsecret"]) {
        assert(!(stdout + stderr).includes(secret), `${args}: ${stderr}`);
      }
    }
  }));

Deno.test("the list of processes contains no secret from the file or the environment", {
  ignore: Deno.build.os !== "linux",
}, () =>
  withProgram({}, async (fixture) => {
    const secret = "not-in-the-process-list";
    const file = `${fixture.dir}/host_settings.ini`;
    const settings = await Deno.readTextFile(file);
    await Deno.writeTextFile(
      file,
      settings.replace("[kafka]", `[kafka]\nssl_password = ${secret}`),
    );
    const env = { ROUTES_POSTGRESQL_SSLPASSWORD: secret };
    const run = fixture.start(
      ["consume", "--follow", "-v", "-X", "kafka.security_protocol=PLAINTEXT"],
      {
        env,
      },
    );
    await run.said(/connecting to PostgreSQL/);
    const titles = [...Deno.readDirSync("/proc")].filter(({ name }) => /^\d+$/.test(name))
      .map(({ name }) => readProc(`${name}/cmdline`) + readProc(`${name}/comm`));
    assert(titles.some((title) => title.includes("consume\0--follow")), titles.join("\n"));
    assertEquals(titles.filter((title) => title.includes(secret)), []);
    run.kill("SIGTERM");
    await run.ended;
  }));

/** Empty if that process has ended. */
function readProc(path: string): string {
  try {
    return Deno.readTextFileSync(`/proc/${path}`);
  } catch {
    return "";
  }
}

Deno.test({
  name: "a full disk is reported as a failure of the output, not as a bug",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const [command, before] = programCommand(await importFlags(() => {}));
    for (const args of [["help"], ["produce", "--dry-run", "--quiet"]]) {
      const { code, stderr } = await new Deno.Command("sh", {
        args: ["-c", '"$@" > /dev/full', "sh", command, ...before, ...args],
        stderr: "piped",
      }).output();
      assertEquals([code, new TextDecoder().decode(stderr)], [
        75,
        "routes: cannot write the output: no space left on device\n" +
        "  fix: make room where it goes, then run it again\n",
      ]);
    }
  },
});

Deno.test("an uncaught error of a client is reported as a bug, without secrets", async () => {
  // The error is thrown by a preloaded module, so this tests the sources only.
  const dir = await Deno.makeTempDir({ prefix: "routes-uncaught-" });
  // Accepts connections and never answers.
  const silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  try {
    const preload = `${dir}/preload.ts`;
    await Deno.writeTextFile(
      preload,
      `import { Socket } from "node:net";
      const { connect } = Socket.prototype;
      Socket.prototype.connect = function (...to) {
        setTimeout(() => { throw new Error("of secret-of-mine"); });
        return connect.apply(this, to);
      };`,
    );
    const config = ["--quiet", "--no-check", "--config", `${ROOT}/deno.json`];
    const imports = await importFlags(() => {});
    const run = ["run", ...config, ...imports, ...permissionFlags(), "--preload", preload];
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [...run, `${ROOT}/src/main.ts`, "produce", "--stdin", "-X", "kafka.topic=t"],
      cwd: dir,
      env: {
        ROUTES_KAFKA_SECURITY_PROTOCOL: "SASL_PLAINTEXT",
        ROUTES_KAFKA_SASL_MECHANISM: "PLAIN",
        ROUTES_KAFKA_SASL_PLAIN_USERNAME: "u",
        ROUTES_KAFKA_SASL_PLAIN_PASSWORD: "secret-of-mine",
        ROUTES_KAFKA_BOOTSTRAP_SERVERS: `127.0.0.1:${silent.addr.port}`,
      },
      stdin: "null",
      stderr: "piped",
    }).output();
    const text = new TextDecoder().decode(stderr);
    assertEquals(code, 1, text);
    assertMatch(text, /^routes: of \*\*\*\n {2}this is a bug in routes\n {2}fix: /m);
    assert(!text.includes("secret-of-mine"), text);
  } finally {
    silent.close();
    await Deno.remove(dir, { recursive: true });
  }
});
