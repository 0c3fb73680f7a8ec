import { assertEquals } from "@std/assert";
import { placesWithout, READ_PLACES, readPlaces } from "../../src/settings/read_access.ts";
import { settingsFiles } from "../../src/settings/settings.ts";

/** The places that stay readable for a program in /home/me that needs these files. */
function kept(...files: string[]): string[] {
  const left = placesWithout(files, "/home/me");
  return READ_PLACES.filter((place) => !left.includes(place));
}

Deno.test("placesWithout() returns every place when no file is needed", () => {
  assertEquals(placesWithout([], "/home/me"), READ_PLACES);
});

Deno.test("placesWithout() keeps the place of each file that is needed", () => {
  assertEquals(kept("ssl/ca.pem"), ["ssl"]);
  assertEquals(kept("./ssl/deep/ca.pem"), ["ssl"]);
  assertEquals(kept("src/ssl/service.key"), ["src/ssl"]);
  assertEquals(kept("/etc/routes/ssl/ca.pem"), ["/etc/routes"]);
  assertEquals(kept("ssl/ca.pem", "res/service.key"), ["res", "ssl"]);
  assertEquals(kept("host_settings.ini"), ["host_settings.ini"]);
});

Deno.test("placesWithout() finds the place of a file however its path is written", () => {
  assertEquals(kept("/home/me/ssl/ca.pem"), ["ssl"]);
  assertEquals(kept("res/../ssl/ca.pem"), ["ssl"]);
  assertEquals(kept("../../etc/routes/ca.pem"), ["/etc/routes"]);
  assertEquals(kept("SSL\\ca.pem"), ["ssl"]);
});

Deno.test("placesWithout() does not treat a name as a prefix of another", () => {
  assertEquals(kept("sslx/ca.pem", "/etc/routes.d/ca.pem", "/home/you/ssl/ca.pem"), []);
});

Deno.test("placesWithout() returns no place inside a kept one", () => {
  assertEquals(placesWithout(["/etc/routes/certificates/ca.pem"], "/etc/routes"), []);
  assertEquals(placesWithout(["../routes/ca.pem"], "/etc/routes"), []);
});

Deno.test("on Windows the system's folder is that of ProgramData, and /etc of the drive is not read", () => {
  assertEquals(readPlaces(true), [...READ_PLACES.slice(0, -1), "C:\\ProgramData\\routes"]);
  assertEquals(settingsFiles(true).filter((path) => path.includes("etc")), []);
  const file = settingsFiles(true).at(-1)!;
  assertEquals(file, "C:\\ProgramData\\routes\\host_settings.ini");
  assertEquals(placesWithout([file], "C:\\Users\\ann", true), READ_PLACES.slice(0, -1));
  assertEquals(placesWithout(["c:/programdata/ROUTES/ca.pem"], "D:\\work", true).length, 5);
});
