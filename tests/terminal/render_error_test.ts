import { assertEquals, assertMatch } from "@std/assert";
import { type ErrorKind, EXIT, OperationalError, UsageError } from "../../src/errors.ts";
import { openColors } from "../../src/terminal/color.ts";
import { scrub } from "../../src/terminal/scrub.ts";
import { renderError } from "../../src/terminal/render_error.ts";

const plain = { json: false, verbose: 0, secrets: [] };
const json = { ...plain, json: true };

const missing = new OperationalError(
  "unavailable",
  'topic "routes" does not exist on kafka.example.com:17072',
  {
    reason: "the broker answered UNKNOWN_TOPIC_OR_PARTITION",
    hint: "routes migrate --topic",
    cause: new Error("inner"),
  },
);

Deno.test("a failure has a message, its reasons and a fix", () => {
  assertEquals(renderError(missing, plain), {
    text: `routes: topic "routes" does not exist on kafka.example.com:17072
  the broker answered UNKNOWN_TOPIC_OR_PARTITION
  fix: routes migrate --topic
`,
    code: 69,
  });
});

Deno.test("a suggested command has the location flags of the run that failed", () => {
  const cases: [fix: string, shown: string][] = [
    ["routes migrate --topic", "routes migrate --config 'my prod.ini' -X kafka.topic=nix --topic"],
    [
      "routes consume --replay earliest, which takes it out first",
      "routes consume --config 'my prod.ini' -X kafka.topic=nix --replay earliest, which takes it out first",
    ],
    ["routes help settings", "routes help settings"],
    ["correct the port; routes check tells more", "correct the port; routes check tells more"],
  ];
  const flags = ["--config", "my prod.ini", "-X", "kafka.topic=nix"];
  for (const [fix, shown] of cases) {
    const failure = new OperationalError("unavailable", "no", { hint: fix });
    assertEquals(JSON.parse(renderError(failure, { ...json, flags }).text).fix, shown);
  }
});

Deno.test("the flags of a suggested command are quoted for the shells of Windows", () => {
  const failure = new OperationalError("unavailable", "no", { hint: "routes check" });
  const flags = ["--config", "res\\a.ini", "-X", "kafka.topic=a b"];
  assertEquals(
    JSON.parse(renderError(failure, { ...json, flags, isWindows: true }).text).fix,
    'routes check --config res\\a.ini -X "kafka.topic=a b"',
  );
});

Deno.test("a failure in JSON is one line with the same content", () => {
  const { text, code } = renderError(missing, json);
  assertEquals(text.indexOf("\n"), text.length - 1);
  assertEquals(JSON.parse(text), {
    error: 'topic "routes" does not exist on kafka.example.com:17072',
    reason: "the broker answered UNKNOWN_TOPIC_OR_PARTITION",
    fix: "routes migrate --topic",
    code: 69,
  });
  assertEquals(code, 69);
});

Deno.test("each of several reasons and fixes has its own line, and no answer looks like a fix", () => {
  const failure = new OperationalError("settings", "2 settings are wrong", {
    reason: ["one\n  fix: of the server", "fix: two"],
    hint: ["this", "or that"],
  });
  assertEquals(
    renderError(failure, plain).text,
    'routes: 2 settings are wrong\n  one fix: of the server\n  "fix: two"\n  fix: this\n  fix: or that\n',
  );
  assertEquals(JSON.parse(renderError(failure, json).text), {
    error: "2 settings are wrong",
    reason: 'one fix: of the server\n"fix: two"',
    fix: "this\nor that",
    code: 78,
  });
});

Deno.test("a wrong command line ends with 2", () => {
  assertEquals(renderError(new UsageError("unknown flag -z", "routes help"), plain), {
    text: "routes: unknown flag -z\n  fix: routes help\n",
    code: 2,
  });
  assertEquals(renderError(new UsageError("--count is given twice"), json), {
    text: '{"error":"--count is given twice","code":2}\n',
    code: 2,
  });
});

Deno.test("every kind of failure has the exit code of sysexits.h", () => {
  const codes: Record<ErrorKind, number> = {
    data: 65,
    noInput: 66,
    unavailable: 69,
    temporary: 75,
    noPermission: 77,
    settings: 78,
  };
  for (const [kind, code] of Object.entries(codes)) {
    const failure = new OperationalError(kind as ErrorKind, "x", { hint: "y" });
    assertEquals([renderError(failure, plain).code, EXIT[kind as ErrorKind]], [code, code]);
  }
});

for (const bug of [new TypeError("x is not a function"), "x is not a function"]) {
  Deno.test(`an unexpected error (${typeof bug}) is called a bug, exits with 1 and shows its stack with -v`, () => {
    assertEquals(renderError(bug, plain), {
      text: "routes: x is not a function\n  this is a bug in routes\n" +
        "  fix: run it again with -v and report what it prints\n",
      code: 1,
    });
  });
}

Deno.test("a stack is shown only with -v, together with the causes", () => {
  assertEquals(renderError(missing, plain).text.includes("    at "), false);
  const { text } = renderError(missing, { ...plain, verbose: 1 });
  assertMatch(text, /\n {6}at .*render_error_test\.ts/);
  assertMatch(text, /\n {2}Error: inner\n/);
  const report = JSON.parse(renderError(missing, { ...json, verbose: 1 }).text);
  assertMatch(report.stack, /Error: inner\n {4}at /);
});

Deno.test("a circle of causes is cut", () => {
  const failure = new Error("round");
  failure.cause = failure;
  const { text } = renderError(failure, { ...plain, verbose: 1 });
  assertEquals(text.split("\n").length < 120, true);
});

Deno.test("no part of a failure shows a secret", () => {
  const secret = 'qx"zy/2%';
  const failure = new OperationalError("unavailable", `no ${secret}`, {
    reason: `not ${secret} either`,
    hint: `nor ${encodeURIComponent(secret)}`,
    cause: new Error(`within: ${secret}`),
  });
  for (const verbose of [0, 2]) {
    for (const json of [true, false]) {
      const { text } = renderError(failure, { json, verbose, secrets: [secret] });
      assertEquals(/qx|zy/.test(text), false, text);
      if (json) assertEquals(JSON.parse(text).error, "no ***");
    }
  }
});

Deno.test("a secret that is a word of the JSON does not break it", () => {
  for (const secret of ["code", "error", '"', ":", "6", "{"]) {
    const { text } = renderError(missing, { ...json, secrets: [secret] });
    assertEquals(JSON.parse(text).code, 69, text);
  }
});

const scrubbed: [text: string, secrets: string[], clean: string][] = [
  ["login as u with hunter2", ["hunter2"], "login as u with ***"],
  ["hunter2 hunter2", ["hunter2"], "*** ***"],
  ["p%40s and p@s", ["p@s"], "*** and ***"],
  ['{"a":"p\\"s"}', ['p"s'], '{"a":"***"}'],
  ["hunter2000", ["hunter2", "hunter2000"], "***"],
  ["hunter2000", ["hunter2000", "hunter2"], "***"],
  ["nothing here", [""], "nothing here"],
  ["a.b(c)*d", ["a.b(c)*d"], "***"],
  ["$& stays", ["x"], "$& stays"],
  ["correct [postgresql] password: postgres", ["postgres"], "correct [postgresql] password: ***"],
  ["0.1 s, 10 of 0", ["0"], "***.1 s, 10 of ***"],
  ["xx-longsecret2-xxlongsecret2xx", ["longsecret2"], "xx-***-xx***xx"],
  ["postgres://u:hunter2@h/d", [], "postgres://u:***@h/d"],
  ["postgres://u:hun@ter2@h/d", [], "postgres://u:***@h/d"],
  ["postgres://:hunter2@h/d", [], "postgres://:***@h/d"],
  ["postgres://u@h:5432/d", [], "postgres://u@h:5432/d"],
  ["mail a@b, see http://h:80/x", [], "mail a@b, see http://h:80/x"],
  ["two postgres://a:b@c and kafka://d:e@f", [], "two postgres://a:***@c and kafka://d:***@f"],
];

for (const [text, secrets, clean] of scrubbed) {
  Deno.test(`scrub() makes "${clean}" of "${text}"`, () => {
    assertEquals(scrub(text, secrets), clean);
  });
}

Deno.test("a failure is coloured when colours are on, but never as JSON", () => {
  const failure = new OperationalError("temporary", "lost", {
    reason: "gone",
    hint: "run it again",
  });
  const colored = { verbose: 0, colors: openColors(true), secrets: [] };
  assertEquals(
    renderError(failure, { json: false, ...colored }).text,
    "\x1b[31mroutes:\x1b[39m lost\n  gone\n  \x1b[1mfix:\x1b[22m run it again\n",
  );
  assertEquals(renderError(failure, { json: true, ...colored }).text.includes("\x1b"), false);
});
