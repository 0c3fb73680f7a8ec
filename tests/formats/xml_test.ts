import { assertEquals } from "@std/assert";
import { gpx } from "../../src/formats/gpx.ts";
import { kml } from "../../src/formats/kml.ts";
import { dateTime, decimal } from "../../src/formats/xml.ts";
import { version } from "../../src/version.ts";
import { sampleFixes } from "./sample_fixes.ts";
import { lines, render } from "./support.ts";

Deno.test("decimal() writes numbers without an exponent, with at most 18 decimals", () => {
  const cases: [number, string][] = [
    [0, "0"],
    [-0, "0"],
    [-24.9, "-24.9"],
    [1e-6, "0.000001"],
    [1e-7, "0.0000001"],
    [-1.25e-7, "-0.000000125"],
    [180, "180"],
    [60.16991234567891, "60.16991234567891"],
    [-9.87654321e-9, "-0.00000000987654321"],
    [5e-324, "0"],
    [-1e-300, "-0"],
  ];
  for (const [value, expected] of cases) assertEquals(decimal(value), expected);
});

Deno.test("dateTime() returns a time in the format of XML Schema, or null", () => {
  assertEquals(dateTime(1732431234.567), "2024-11-24T06:53:54.567Z");
  assertEquals(dateTime(-1), "1969-12-31T23:59:59.000Z");
  assertEquals(dateTime(253_402_300_799), "9999-12-31T23:59:59.000Z");
  for (const seconds of [253_402_300_800, 1e300, -1e12]) assertEquals(dateTime(seconds), null);
});

const GPX = [
  '<?xml version="1.0" encoding="UTF-8"?>',
  `<gpx version="1.1" creator="routes ${version}" xmlns="http://www.topografix.com/GPX/1/1">`,
];

Deno.test("gpx() has one track per user, one segment between gaps, and -180° instead of 180°", () => {
  assertEquals(
    render(gpx, {}, sampleFixes),
    lines(
      ...GPX,
      "<trk><name>user -3</name>",
      "<trkseg>",
      '<trkpt lat="60.1699123" lon="24.9384567"><time>2024-11-24T06:53:54.567Z</time></trkpt>',
      '<trkpt lat="60.1701" lon="0.0000001"><time>2024-11-24T06:53:59.567Z</time></trkpt>',
      "</trkseg>",
      "<trkseg>",
      '<trkpt lat="-17.5" lon="179.5"><time>2024-11-24T07:56:40.000Z</time></trkpt>',
      '<trkpt lat="-17.25" lon="-179.5"><time>2024-11-24T07:56:45.250Z</time></trkpt>',
      "</trkseg>",
      "</trk>",
      "<trk><name>user 1</name>",
      "<trkseg>",
      '<trkpt lat="90" lon="-180"><time>1970-01-01T00:00:00.000Z</time></trkpt>',
      "</trkseg>",
      "</trk>",
      "<trk><name>user 2147483647</name>",
      "<trkseg>",
      '<trkpt lat="-90" lon="-180"><time>1970-01-02T03:46:40.000Z</time></trkpt>',
      "</trkseg>",
      "<trkseg>",
      '<trkpt lat="0" lon="0"><time>1970-01-03T07:33:20.000Z</time></trkpt>',
      '<trkpt lat="0" lon="0"><time>1970-01-03T07:33:20.500Z</time></trkpt>',
      "</trkseg>",
      "</trk>",
      "</gpx>",
    ),
  );
});

Deno.test("gpx() and kml() of an empty result are documents without tracks", () => {
  assertEquals(render(gpx, {}), lines(...GPX, "</gpx>"));
  assertEquals(/<Placemark>|<gx:/.test(render(kml, {})), false);
});

Deno.test("gpx() and kml() omit a time that XML Schema cannot express", () => {
  const [row] = [[7, 1e13, 1, 2]];
  assertEquals(render(gpx, {}, [row!]).split("\n")[4], '<trkpt lat="1" lon="2"></trkpt>');
  assertEquals(/<when><\/when>\n<gx:coord>2 1 0</.test(render(kml, {}, [row!])), true);
});

Deno.test("kml() has one gx:Track per segment: all times, then all places", () => {
  const [, body] = render(kml, {}, sampleFixes.slice(0, 5)).split(/(?=<Placemark>)/s);
  assertEquals(
    body,
    lines(
      "<Placemark><name>user -3</name><styleUrl>#c0</styleUrl>",
      "<gx:MultiTrack>",
      "<gx:Track>",
      "<when>2024-11-24T06:53:54.567Z</when>",
      "<when>2024-11-24T06:53:59.567Z</when>",
      "<gx:coord>24.9384567 60.1699123 0</gx:coord>",
      "<gx:coord>0.0000001 60.1701 0</gx:coord>",
      "</gx:Track>",
      "<gx:Track>",
      "<when>2024-11-24T07:56:40.000Z</when>",
      "<when>2024-11-24T07:56:45.250Z</when>",
      "<gx:coord>179.5 -17.5 0</gx:coord>",
      "<gx:coord>-179.5 -17.25 0</gx:coord>",
      "</gx:Track>",
      "</gx:MultiTrack></Placemark>",
    ),
  );
});

Deno.test("kml() assigns the colours in turn", () => {
  const users = Array.from({ length: 9 }, (_, user) => [user, 0, 1, 2]);
  const styles = [...render(kml, {}, users).matchAll(/<styleUrl>#c(\d)/g)].map(([, i]) => i);
  assertEquals(styles.join(""), "012345670");
});
