import { assertEquals } from "@std/assert";
import { settingsExposure } from "../../src/network/file_access.ts";

/** What is said of res/a.ini with these modes; `secret`: it holds a password. */
function exposure(file: number, { folder = 0o755, secret = false, uid = 1000 } = {}) {
  const mode = (path: string) => ({ mode: path === "res" ? folder : file, uid, isOwn: true });
  const found = settingsExposure({ path: "res/a.ini", holdsSecret: secret }, { mode });
  return found && [found.message, ...found.hint];
}

Deno.test("a settings file that everyone can change is told, with a password or without", () => {
  const changed = (mode: string) => `everyone can change "res/a.ini": its mode is ${mode}`;
  assertEquals(exposure(0o666), [changed("0666"), "chmod o-w res/a.ini"]);
  assertEquals(exposure(0o602, { secret: true }), [changed("0602"), "chmod 600 res/a.ini"]);
  // 0664 is what editors write where each user has a group of their own.
  for (const mode of [0o600, 0o644, 0o664]) assertEquals(exposure(mode), null);
});

Deno.test("a settings file with a password that others can read is told", () => {
  const read = ['"res/a.ini" can be read by others: its mode is 0640', "chmod 600 res/a.ini"];
  assertEquals(exposure(0o640, { secret: true }), read);
  assertEquals(exposure(0o640, { secret: true, uid: 0 }), null);
  assertEquals(exposure(0o600, { secret: true }), null);
});

Deno.test("a settings file that everyone can replace is told", () => {
  assertEquals(exposure(0o600, { folder: 0o777 }), [
    'everyone can replace settings file "res/a.ini": its folder is writable by all',
    "chmod o-w res",
  ]);
  assertEquals(exposure(0o600, { folder: 0o1777 }), null);
});

Deno.test("a system that tells no modes is not judged", () => {
  const file = { path: "a.ini", holdsSecret: true };
  assertEquals(settingsExposure(file, { mode: () => "unknown" }), null);
});
