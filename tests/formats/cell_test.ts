import { assertEquals } from "@std/assert";
import { isoTime, jsonOf, textOf } from "../../src/formats/cell.ts";
import type { Cell, Column, RenderOptions } from "../../src/formats/format.ts";

Deno.test("isoTime() shows every decimal of the number, at least three", () => {
  const cases: [number, string][] = [
    [0, "1970-01-01T00:00:00.000Z"],
    [1732431234, "2024-11-24T06:53:54.000Z"],
    [1732431234.5, "2024-11-24T06:53:54.500Z"],
    [1732431234.567, "2024-11-24T06:53:54.567Z"],
    [1732431234.567891, "2024-11-24T06:53:54.567891Z"],
    [253_402_300_799.99997, "9999-12-31T23:59:59.99997Z"],
    [0.000001, "1970-01-01T00:00:00.000001Z"],
    [1e-7, "1970-01-01T00:00:00.000Z"],
    [-1.25, "1969-12-31T23:59:58.750Z"],
    [NaN, "NaN"],
    [1e300, "1e+300"],
  ];
  for (const [seconds, expected] of cases) assertEquals(isoTime(seconds), expected);
});

Deno.test("isoTime() shows times that follow each other like Date, also across minutes and back", () => {
  for (const start of [0, 59, 951_782_399, 253_402_300_798, 253_402_300_859]) {
    for (const step of [0, 1, 0, 60, 61, 1, 86_400, -0.5]) {
      const seconds = start + step;
      assertEquals(isoTime(seconds), new Date(seconds * 1000).toISOString());
    }
  }
});

Deno.test("textOf() and jsonOf() write each kind of cell", () => {
  const cases: [Column["kind"], RenderOptions["time"], Cell, text: string, json: string][] = [
    ["integer", "iso", -7, "-7", "-7"],
    ["decimal", "iso", 0.1 + 0.2, "0.30000000000000004", "0.30000000000000004"],
    ["decimal", "iso", 5e-324, "5e-324", "5e-324"],
    ["decimal", "iso", NaN, "NaN", "null"],
    ["decimal", "iso", null, "", "null"],
    ["time", "iso", 1.5, "1970-01-01T00:00:01.500Z", '"1970-01-01T00:00:01.500Z"'],
    ["time", "unix", 1732431234.567, "1732431234.567", "1732431234.567"],
    ["time", "ms", 1732431234.567, "1732431234567", "1732431234567"],
    ["time", "iso", null, "", "null"],
    ["time", "ms", null, "", "null"],
    ["text", "iso", 'a"\n\u001b', 'a"\n\u001b', '"a\\"\\n\\u001b"'],
    ["text", "iso", null, "", "null"],
  ];
  for (const [kind, time, cell, text, json] of cases) {
    const column: Column = { name: "x", kind };
    assertEquals(textOf(column, { time, tz: "UTC" })(cell), text);
    assertEquals(jsonOf(column, { time, tz: "UTC" })(cell), json);
  }
});

Deno.test("isoTime() shows the clock of a zone with its difference to UTC, and loses no decimal", () => {
  const cases: [seconds: number, zone: string, text: string][] = [
    [1732431234.567, "Europe/Helsinki", "2024-11-24T08:53:54.567+02:00"],
    [1751360400.1234567, "Europe/Helsinki", "2025-07-01T12:00:00.1234567+03:00"],
    [1732431234, "America/St_Johns", "2024-11-24T03:23:54.000-03:30"],
    [0, "Asia/Kolkata", "1970-01-01T05:30:00.000+05:30"],
    [-0.5, "Asia/Kolkata", "1970-01-01T05:29:59.500+05:30"],
    [1e300, "Asia/Kolkata", "1e+300"],
  ];
  for (const [seconds, zone, text] of cases) assertEquals(isoTime(seconds, zone), text);
});
