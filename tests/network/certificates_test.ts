import { assertEquals } from "@std/assert";
import { inspectFiles } from "../../src/network/certificates.ts";
import { runChild } from "../support/child.ts";
import { Pki } from "../support/pki.ts";
import type { FileMode } from "../../src/system.ts";

const dir = await Deno.makeTempDir({ prefix: "routes-pki-" });
Deno.test.afterAll(() => Deno.remove(dir, { recursive: true }));
const pki = new Pki(dir);
const ca = await pki.authority("ca");
const ecdsa = await pki.pair({ name: "ecdsa", ca });
const rsa = await pki.pair({ name: "rsa", ca, kind: "rsa" });
const DAY_MS = 86_400_000;

/** The faults of the files of one connection, as "kind: message". */
function faults(
  {
    files,
    mode = { mode: 0o600, uid: 1000, isOwn: true },
    days = 0,
    cert = ecdsa.cert,
    key = ecdsa.key,
  }: {
    files?: (path: string) => Uint8Array;
    mode?: FileMode | null | ((path: string) => FileMode);
    days?: number;
    cert?: string | null;
    key?: string | null;
  },
): string[] {
  const findings = inspectFiles("kafka", { ca: ca.cert, cert, key, passphrase: null }, {
    readFile: files ?? Deno.readFileSync,
    mode: (path) => typeof mode === "function" ? mode(path) : mode,
    now: () => Date.now() + days * DAY_MS,
    isWindows: false,
  });
  return findings.flatMap(({ fault }) =>
    fault ? `${fault.kind}: ${fault.message.replaceAll(`${dir}/`, "")}` : []
  );
}

/** A readFile() that fails for one path like the runtime. */
function failing(path: string, name: string): (path: string) => Uint8Array {
  return (asked) => {
    if (asked === path) throw Object.assign(new Error("os error"), { name });
    return Deno.readFileSync(asked);
  };
}

Deno.test("inspectFiles() accepts ECDSA and RSA pairs", () => {
  assertEquals(faults({}), []);
  assertEquals(faults({ cert: rsa.cert, key: rsa.key }), []);
});

Deno.test("inspectFiles() distinguishes a missing file from an unreadable one", () => {
  assertEquals(faults({ files: failing(ecdsa.key, "NotFound") }), [
    'noInput: cannot read "ecdsa.key": file does not exist',
  ]);
  assertEquals(faults({ files: failing(ecdsa.key, "PermissionDenied") }), [
    'noPermission: cannot read "ecdsa.key": permission denied',
  ]);
});

Deno.test("inspectFiles() tells why a file cannot be read, whatever the system answers", () => {
  assertEquals(faults({ files: failing(ecdsa.key, "IsADirectory") }), [
    'settings: cannot read "ecdsa.key": it is a folder',
  ]);
  assertEquals(faults({ files: failing(ecdsa.key, "Busy") }), [
    'noInput: cannot read "ecdsa.key": os error',
  ]);
});

Deno.test("inspectFiles() reads files in UTF-16 with its mark, as PowerShell writes them", () => {
  const wide = (path: string) => {
    const text = `\ufeff${Deno.readTextFileSync(path)}`;
    return new Uint8Array(Uint16Array.from(text, (letter) => letter.charCodeAt(0)).buffer);
  };
  assertEquals(faults({ files: wide }), []);
});

Deno.test("inspectFiles() says of a key that its access is not judged where files have no mode", () => {
  const seen = (mode: "unknown" | null) =>
    inspectFiles("kafka", { ca: null, cert: ecdsa.cert, key: ecdsa.key, passphrase: null }, {
      readFile: Deno.readFileSync,
      mode: () => mode,
      now: Date.now,
      isWindows: true,
    }).at(-1)!.seen;
  assertEquals(seen("unknown"), `key "${ecdsa.key}", who can read it is not judged on Windows`);
  assertEquals(seen(null), `key "${ecdsa.key}"`);
});

Deno.test("inspectFiles() finds every fault, not only the first", () => {
  assertEquals(faults({ files: failing(ca.cert, "NotFound"), key: rsa.key }), [
    'noInput: cannot read "ca.pem": file does not exist',
    'settings: key "rsa.key" does not fit certificate "ecdsa.cert"',
  ]);
});

Deno.test("inspectFiles() requires certificate and key together", () => {
  assertEquals(faults({ key: null }), [
    "settings: [kafka] ssl_keyfile is missing: [kafka] ssl_certfile is set",
  ]);
  assertEquals(faults({ cert: null }), [
    "settings: [kafka] ssl_certfile is missing: [kafka] ssl_keyfile is set",
  ]);
});

Deno.test("inspectFiles() accepts a group-readable key only if root owns it", () => {
  const judged = (mode: number, uid: number) =>
    faults({ mode: { mode, uid, isOwn: true } }).length === 0;
  assertEquals([judged(0o600, 1000), judged(0o400, 1000), judged(0o640, 0)], [true, true, true]);
  assertEquals([judged(0o640, 1000), judged(0o604, 1000), judged(0o644, 0)], [false, false, false]);
  assertEquals(faults({ mode: null }), []);
});

Deno.test("inspectFiles() refuses a key that another user owns, but not one of root", () => {
  const judged = (uid: number) => faults({ mode: { mode: 0o600, uid, isOwn: false } });
  assertEquals(judged(1000), ['noPermission: key "ecdsa.key" belongs to another user (uid 1000)']);
  assertEquals(judged(0), []);
});

Deno.test("inspectFiles() refuses a key that everyone can replace, but not in a sticky folder", () => {
  const judged = (folderMode: number) =>
    faults({
      mode: (path) => ({ mode: path === dir ? folderMode : 0o600, uid: 0, isOwn: true }),
    });
  assertEquals([judged(0o755), judged(0o775), judged(0o1777)], [[], [], []]);
  assertEquals(judged(0o777), [
    'noPermission: everyone can replace key "ecdsa.key": its folder is writable by all',
  ]);
});

Deno.test("inspectFiles() checks the first and the last moment of a certificate", () => {
  assertEquals(faults({ days: 89.9 }), []);
  assertEquals(faults({ days: 90.1 }).map((line) => line.replace(/ on .*/, "")), [
    'settings: certificate "ecdsa.cert" expired',
  ]);
  assertEquals(faults({ days: -0.9 }).filter((line) => line.includes("ecdsa")), []);
});

Deno.test("inspectFiles() opens encrypted keys of both formats, and names an encryption that it cannot open", async () => {
  const encrypt = async (name: string, args: string[]) => {
    const key = `${dir}/${name}.key`;
    const all = [...args, "-in", rsa.key, "-passout", "pass:sesame", "-out", key];
    await runChild("openssl", { args: all, name: "openssl" });
    const found = inspectFiles("kafka", {
      ca: null,
      cert: rsa.cert,
      key,
      passphrase: "sesame",
    }, { readFile: Deno.readFileSync, mode: () => null, now: Date.now, isWindows: false });
    return found.flatMap(({ fault }) => fault ? [fault.message.replaceAll(`${dir}/`, "")] : []);
  };
  assertEquals(await encrypt("pkcs8", ["pkcs8", "-topk8", "-v2", "aes-256-cbc"]), []);
  // With `Proc-Type: 4,ENCRYPTED` in its head.
  assertEquals(await encrypt("traditional", ["rsa", "-des3", "-traditional"]), []);
  assertEquals(await encrypt("3des", ["pkcs8", "-topk8", "-v2", "des3"]), [
    'cannot use "3des.key": it holds a key whose encryption is not supported, such as 3DES',
  ]);
});

Deno.test("inspectFiles() recognizes DER", () => {
  const der = new Uint8Array([0x30, 0x82, 0x01, 0x0a]);
  const files = (path: string) => path === ca.cert ? der : Deno.readFileSync(path);
  assertEquals(faults({ files }), [
    'settings: cannot use "ca.pem": it holds DER instead of PEM',
  ]);
});

/** A readFile() that returns some files as a concatenation of others. */
function composed(parts: Record<string, string[]>): (path: string) => Uint8Array {
  return (path) => {
    const text = (parts[path] ?? [path]).map((part) => Deno.readTextFileSync(part)).join("");
    return new TextEncoder().encode(text);
  };
}

Deno.test("inspectFiles() distinguishes a chain in the wrong order from a key of another pair", () => {
  assertEquals(faults({ files: composed({ [ecdsa.cert]: [ecdsa.cert, ca.cert] }) }), []);
  assertEquals(faults({ files: composed({ [ecdsa.cert]: [ca.cert, ecdsa.cert] }) }), [
    'settings: "ecdsa.cert" does not begin with the certificate of its key',
  ]);
  assertEquals(faults({ key: rsa.key }), [
    'settings: key "rsa.key" does not fit certificate "ecdsa.cert"',
  ]);
});

Deno.test("inspectFiles() accepts a CA bundle as long as one certificate is valid", async () => {
  const old = await pki.pair({ name: "old", ca, days: [-30, -2] });
  assertEquals(faults({ files: composed({ [ca.cert]: [old.cert, ca.cert] }) }), []);
  assertEquals(
    faults({ files: composed({ [ca.cert]: [old.cert] }) }).map((line) =>
      line.replace(/ on .*/, "")
    ),
    ['settings: CA certificate "ca.pem" expired'],
  );
  // In a client chain every certificate must be valid.
  assertEquals(
    faults({ files: composed({ [ecdsa.cert]: [ecdsa.cert, old.cert] }) }).length,
    1,
  );
});
