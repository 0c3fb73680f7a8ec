import { assertAlmostEquals, assertEquals } from "@std/assert";
import { geojson } from "../../src/formats/geojson.ts";
import { gpx } from "../../src/formats/gpx.ts";
import { kml } from "../../src/formats/kml.ts";
import { sampleFixes } from "../formats/sample_fixes.ts";
import { render } from "../formats/support.ts";
import { objects, read, readerTest } from "./reader.ts";

/** The points that GPSBabel reads, with times in milliseconds. */
async function points(text: string, format: string): Promise<Record<string, string>[]> {
  // GPSBabel reads lines of GeoJSON as routes.
  const lines = format === "geojson" ? "-r" : "-t";
  return objects(
    await read("gpsbabel", text, format, (path) => [
      ...[lines, "-i", format, "-f", path, "-o", "unicsv,utc=0,prec=9", "-F", "-"],
    ]),
  );
}

for (const [name, format] of [["gpx", gpx], ["kml", kml]] as const) {
  readerTest("gpsbabel", "gpsbabel", `gpsbabel reads back every fix of ${name}`, async () => {
    const found = await points(render(format, {}, sampleFixes), name);
    assertEquals(found.length, sampleFixes.length);
    sampleFixes.forEach(([, timestamp, latitude, longitude], i) => {
      const { Latitude, Longitude, Date: date, Time: time } = found[i]!;
      assertAlmostEquals(Number(Latitude), latitude!, 1e-6);
      assertAlmostEquals(Math.abs(Number(Longitude)), Math.abs(longitude!), 1e-6);
      if (timestamp === 0) return;
      const read = Date.parse(`${date!.replaceAll("/", "-")}T${time}Z`) / 1000;
      assertAlmostEquals(read, timestamp!, 0.0011);
    });
  });
}

readerTest("gpsbabel", "gpsbabel", "gpsbabel reads back every line of geojson", async () => {
  const walk = Array.from({ length: 50 }, (_, i) => [i % 2, i, 60 + i / 1e3, 24 - i / 1e3])
    .sort(([a], [b]) => a! - b!);
  const found = await points(render(geojson, {}, walk), "geojson");
  assertEquals(
    found.map(({ Latitude, Longitude }) => [Number(Latitude), Number(Longitude)]),
    walk.map(([, , latitude, longitude]) => [latitude, Number(longitude!.toFixed(6))]),
  );
});
