import { assert, assertEquals } from "@std/assert";
import { EXIT, type FailureKind, Operation, renderFailure, scrub, Usage } from "../src/failure.ts";

const plain = { json: false, verbose: 0, secrets: [] };

const operation = new Operation("unavailable", 'topic "routes" does not exist on h:9092', {
  reason: "the broker answered UNKNOWN_TOPIC_OR_PARTITION",
  fix: "routes migrate --topic",
  cause: new TypeError("deep"),
});

Deno.test("a failure is a message, what was seen, and what to type", () => {
  assertEquals(renderFailure(operation, plain), {
    code: 69,
    text: `routes: topic "routes" does not exist on h:9092
  the broker answered UNKNOWN_TOPIC_OR_PARTITION
  fix: routes migrate --topic
`,
  });
});

Deno.test("several reasons and fixes are a line each", () => {
  const error = new Operation("data", "m", { reason: ["a", "b"], fix: ["c", "d"] });
  const text = "routes: m\n  a\n  b\n  fix: c\n  fix: d\n";
  assertEquals(renderFailure(error, plain), { code: 65, text });
  const { text: json } = renderFailure(error, { ...plain, json: true });
  assertEquals(JSON.parse(json), { error: "m", reason: "a\nb", fix: "c\nd", code: 65 });
});

Deno.test("a bare message is a bare message", () => {
  assertEquals(renderFailure(new Operation("noInput", "m"), plain).text, "routes: m\n");
  const { text } = renderFailure(new Operation("noInput", "m"), { ...plain, json: true });
  assertEquals(text, '{"error":"m","code":66}\n');
});

Deno.test("a wrong command line ends with 2", () => {
  const text = 'routes: unknown command "x"\n  fix: routes help\n';
  const error = new Usage('unknown command "x"', "routes help");
  assertEquals(renderFailure(error, plain), { code: 2, text });
});

Deno.test("every kind ends with its code", () => {
  for (const [kind, code] of Object.entries(EXIT)) {
    if (["ok", "bug", "usage"].includes(kind)) continue;
    assertEquals(renderFailure(new Operation(kind as FailureKind, "m"), plain).code, code);
  }
});

Deno.test("what nobody foresaw is a bug, whatever was thrown", () => {
  for (const thrown of [new TypeError("m"), "m"]) {
    const { code, text } = renderFailure(thrown, plain);
    assertEquals(code, 1);
    assert(text.startsWith("routes: m\n  this is a bug in routes\n  fix: run it again with -v"));
  }
  assertEquals(renderFailure(undefined, plain).text.split("\n")[0], "routes: undefined");
});

Deno.test("the stack is shown with -v alone, down to the cause", () => {
  for (const error of [operation, operation.cause]) {
    assert(!renderFailure(error, plain).text.includes("failure_test.ts"));
    const { text } = renderFailure(error, { ...plain, verbose: 1 });
    assert(text.includes("failure_test.ts") && text.includes("TypeError: deep"), text);
    assert(text.trimEnd().split("\n").slice(1).every((line) => line.startsWith("  ")), text);
  }
});

Deno.test("causes in a circle come to an end", () => {
  const error = new Error("m");
  error.cause = error;
  assert(renderFailure(error, { ...plain, verbose: 1 }).text.split("\n").length < 200);
});

Deno.test("with --json a failure is one line of JSON, even with -v", () => {
  const { text, code } = renderFailure(operation, { ...plain, json: true, verbose: 2 });
  assertEquals(code, 69);
  assertEquals(text.indexOf("\n"), text.length - 1);
  assertEquals(JSON.parse(text), {
    error: 'topic "routes" does not exist on h:9092',
    reason: "the broker answered UNKNOWN_TOPIC_OR_PARTITION",
    fix: "routes migrate --topic",
    code: 69,
  });
});

Deno.test("secrets are shown nowhere: message, reason, fix, stack, JSON", () => {
  const secret = 'p@s"s w/ö\\$&';
  const said = (text: string) => `${text} ${secret} ${encodeURIComponent(secret)}`;
  const cause = new Error(said("cause"));
  const error = new Operation("data", said("m"), { reason: said("r"), fix: said("f"), cause });
  for (const json of [false, true]) {
    const { text } = renderFailure(error, { json, verbose: 1, secrets: [secret] });
    for (const form of [secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1)]) {
      assert(!text.includes(form), text);
    }
  }
  const { text } = renderFailure(error, { json: true, verbose: 0, secrets: [secret] });
  assertEquals(JSON.parse(text), {
    error: "m *** ***",
    reason: "r *** ***",
    fix: "f *** ***",
    code: 65,
  });
});

Deno.test("JSON stays JSON, whatever the secrets are and the lines look like", () => {
  const error = new Operation("data", "cannot reach http://h:80", {
    reason: "user@host",
    fix: "x",
  });
  for (const secret of ["error", '"', "6", ":", "x", "{"]) {
    const { text } = renderFailure(error, { json: true, verbose: 0, secrets: [secret] });
    assertEquals(Object.keys(JSON.parse(text)), ["error", "reason", "fix", "code"]);
    assertEquals(JSON.parse(text).code, 65);
  }
  const { text } = renderFailure(error, { ...plain, json: true });
  assertEquals(JSON.parse(text).reason, "user@host");
});

const scrubbed: [text: string, secrets: string[], clean: string][] = [
  ["postgres://u:hunter2@h:5432/d", [], "postgres://u:***@h:5432/d"],
  ["postgres://:hunter2@h", [], "postgres://:***@h"],
  ["a postgres://u:x@hunter2@h/d b", [], "a postgres://u:***@h/d b"],
  ["postgres://u:x@y@h/d", ["x@y"], "postgres://u:***@h/d"],
  ["postgres://u:a/b?c#d@h", [], "postgres://u:***@h"],
  ["kafka://h:9092 and me@h", [], "kafka://h:9092 and me@h"],
  ["postgres://u@h:5432/d", [], "postgres://u@h:5432/d"],
  ["abcdef abc", ["abc", "abcdef"], "*** ***"],
  ["a%40b a@b", ["a@b"], "*** ***"],
  ["$& 1.1", ["$&", "."], "*** 1***1"],
  ["nothing", [""], "nothing"],
];
for (const [text, secrets, clean] of scrubbed) {
  Deno.test(`scrub() makes ${text} of ${JSON.stringify(secrets)} ${clean}`, () => {
    assertEquals(scrub(text, secrets), clean);
  });
}
