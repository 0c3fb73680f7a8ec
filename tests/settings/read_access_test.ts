import { assertEquals } from "@std/assert";
import {
  grantHint,
  permittedPath,
  placesWithout,
  READ_PLACES,
  readPlaces,
} from "../../src/settings/read_access.ts";
import { settingsFiles } from "../../src/settings/settings.ts";

/** The places that stay readable for a program in /home/me that needs these files. */
function kept(...files: string[]): string[] {
  const left = placesWithout(files, "/home/me", false);
  return READ_PLACES.filter((place) => !left.includes(place));
}

Deno.test("placesWithout() returns every place when no file is needed", () => {
  assertEquals(placesWithout([], "/home/me", false), READ_PLACES);
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
  assertEquals(kept("SSL/ca.pem"), ["ssl"]);
});

Deno.test("placesWithout() does not treat a name as a prefix of another", () => {
  assertEquals(kept("sslx/ca.pem", "/etc/routes.d/ca.pem", "/home/you/ssl/ca.pem"), []);
});

Deno.test("placesWithout() returns no place inside a kept one", () => {
  assertEquals(placesWithout(["/etc/routes/certificates/ca.pem"], "/etc/routes", false), []);
  assertEquals(placesWithout(["../routes/ca.pem"], "/etc/routes", false), []);
});

Deno.test("on Windows the system's folder is that of ProgramData, and /etc of the drive is not read", () => {
  assertEquals(readPlaces(true), [...READ_PLACES.slice(0, -1), "C:\\ProgramData\\routes"]);
  assertEquals(settingsFiles(true).filter((path) => path.includes("etc")), []);
  const file = settingsFiles(true).at(-1)!;
  assertEquals(file, "C:\\ProgramData\\routes\\host_settings.ini");
  assertEquals(placesWithout([file], "C:\\Users\\ann", true), READ_PLACES.slice(0, -1));
  assertEquals(placesWithout(["c:/programdata/ROUTES/ca.pem"], "D:\\work", true).length, 5);
});

const WINDOWS_PATHS: [path: string, permitted: string][] = [
  // The permissions of the runtime compare letters exactly, and refuse a path without its drive.
  ["SSL\\Ca.pem", "ssl\\Ca.pem"],
  [".\\ssl/deep/ca.pem", "ssl\\deep\\ca.pem"],
  ["SRC\\ssl\\ca.pem", "src/ssl\\ca.pem"],
  ["Host_Settings.ini", "host_settings.ini"],
  ["c:\\users\\ANN\\res\\a.ini", "res\\a.ini"],
  ["\\Users\\ann\\res\\a.ini", "res\\a.ini"],
  ["/Users/ann/res/a.ini", "res\\a.ini"],
  ["C:res\\a.ini", "res\\a.ini"],
  ["\\\\?\\C:\\Users\\ann\\res\\a.ini", "res\\a.ini"],
  ["\\programdata\\Routes\\ssl\\ca.pem", "C:\\ProgramData\\routes\\ssl\\ca.pem"],
  ["..\\..\\ProgramData\\routes\\ca.pem", "C:\\ProgramData\\routes\\ca.pem"],
  ["c:/ProgramData/routes/x/../ca.pem", "C:\\ProgramData\\routes\\ca.pem"],
];

const WINDOWS_REFUSED = [
  "C:\\etc\\routes\\host_settings.ini",
  "/etc/routes/host_settings.ini",
  "D:\\ProgramData\\routes\\ca.pem",
  "D:res\\a.ini",
  "C:\\ProgramData\\routes2\\ca.pem",
  "C:\\ProgramData\\routes\\..\\ca.pem",
  "ssl\\..\\..\\ca.pem",
  "\\\\files\\C:\\ProgramData\\routes\\ca.pem",
  "\\\\files\\share\\res\\a.ini",
];

Deno.test("permittedPath() writes a path of Windows as the permissions have it", () => {
  for (const [path, permitted] of WINDOWS_PATHS) {
    assertEquals(permittedPath(path, "C:\\Users\\ann"), permitted, path);
  }
  const share = "\\\\files\\share\\ann";
  assertEquals(permittedPath("\\\\FILES\\Share\\ann\\ssl\\ca.pem", share), "ssl\\ca.pem");
  assertEquals(permittedPath("//files/share/ann/ssl/ca.pem", share), "ssl\\ca.pem");
  assertEquals(permittedPath("\\\\?\\UNC\\files\\share\\ann\\ssl\\ca.pem", share), "ssl\\ca.pem");
  assertEquals(permittedPath("\\ann\\ssl\\ca.pem", share), "ssl\\ca.pem");
  assertEquals(permittedPath("..\\..\\ann\\ssl\\ca.pem", share), "ssl\\ca.pem");
});

Deno.test("permittedPath() leaves a path as it is that no place contains", () => {
  for (const path of WINDOWS_REFUSED) assertEquals(permittedPath(path, "C:\\Users\\ann"), path);
  assertEquals(
    permittedPath("\\\\other\\share\\ann\\res\\a", "\\\\files\\share\\ann"),
    "\\\\other\\share\\ann\\res\\a",
  );
});

Deno.test("placesWithout() keeps the place of a file for every way to write its path on Windows", () => {
  for (const [path, permitted] of WINDOWS_PATHS) {
    const left = placesWithout([path], "C:\\Users\\ann", true);
    const places = readPlaces(true).filter((place) => !left.includes(place));
    assertEquals(places.length, 1, path);
    assertEquals(permitted.startsWith(places[0]!), true, path);
  }
  for (const path of WINDOWS_REFUSED) {
    assertEquals(placesWithout([path], "C:\\Users\\ann", true), readPlaces(true), path);
  }
});

Deno.test("on Unix a backslash is a letter of a name", () => {
  assertEquals(kept("ssl\\ca.pem", "res\\..\\ssl"), []);
});

Deno.test("a hint about access names a command of the system", () => {
  assertEquals(
    [false, true].map((isWindows) => grantHint("ssl/my key", isWindows)),
    [
      "make the current user its owner: chown \"$USER\" 'ssl/my key'",
      'let the current user read it, in cmd: icacls "ssl/my key" /grant "%USERNAME%:R"',
    ],
  );
});
