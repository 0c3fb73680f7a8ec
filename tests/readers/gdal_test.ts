import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { geojson, geojsonseq } from "../../src/formats/geojson.ts";
import { gpx } from "../../src/formats/gpx.ts";
import { kml } from "../../src/formats/kml.ts";
import { sampleFixes } from "../formats/sample_fixes.ts";
import { render } from "../formats/support.ts";
import { objects, read, readerTest } from "./reader.ts";

const gdal = (name: string, fn: () => Promise<void>) => readerTest("ogr2ogr", "gdal-bin", name, fn);

interface Feature {
  properties: Record<string, unknown>;
  geometry: { type: string; coordinates: unknown } | null;
}

/** The features that GDAL reads. */
async function features(text: string, ending: string): Promise<Feature[]> {
  const precise = ["-lco", "COORDINATE_PRECISION=17"];
  const lines = await read("ogr2ogr", text, ending, (path) => [
    ...["-f", "GeoJSONSeq", "/vsistdout/", path, ...precise],
  ]);
  return lines.trimEnd().split("\n").filter(Boolean).map((line) => JSON.parse(line));
}

/** Every position, at any depth. */
function positions(coordinates: unknown): number[][] {
  const list = coordinates as unknown[];
  return typeof list[0] === "number" ? [list as number[]] : list.flatMap(positions);
}

/** The two positions that GeoJSON adds at 180°. */
const cut = [[180, -17.375], [-180, -17.375]];
const places = sampleFixes.map(([, , latitude, longitude]) => [longitude!, latitude!]);
const sorted = (list: number[][]) => list.map((place) => place.join(" ")).sort();

for (const [ending, format] of [["geojson", geojson], ["geojsonseq", geojsonseq]] as const) {
  gdal(`ogr2ogr reads back every position of ${ending}`, async () => {
    const found = await features(render(format, {}, sampleFixes), ending);
    assertEquals(found.map(({ geometry }) => geometry!.type), [
      "MultiLineString",
      "Point",
      "LineString",
      "Point",
    ]);
    assertEquals(found.map(({ properties }) => properties.user_id), [
      -3,
      1,
      2147483647,
      2147483647,
    ]);
    const all = found.flatMap(({ geometry }) => positions(geometry!.coordinates));
    assertEquals(sorted(all), sorted([...places, ...cut]));
  });
}

gdal("ogr2ogr reads an empty collection", async () => {
  assertEquals(await features(render(geojson, {}), "geojson"), []);
});

gdal("ogr2ogr reads back every fix of gpx, with its time, track and segment", async () => {
  const csv = await read("ogr2ogr", render(gpx, {}, sampleFixes), "gpx", (path) => [
    ...["-f", "CSV", "/vsistdout/", path, "track_points", "-lco", "GEOMETRY=AS_XY"],
  ]);
  const found = objects(csv);
  assertEquals(found.length, sampleFixes.length);
  assertEquals(
    found.map((point) => `${point.track_fid}.${point.track_seg_id}.${point.track_seg_point_id}`),
    ["0.0.0", "0.0.1", "0.1.0", "0.1.1", "1.0.0", "2.0.0", "2.1.0", "2.1.1"],
  );
  sampleFixes.forEach(([, timestamp, latitude, longitude], i) => {
    const { X, Y, time } = found[i]!;
    assertAlmostEquals(Number(Y), latitude!, 1e-12);
    assertAlmostEquals(Number(X), longitude === 180 ? -180 : longitude!, 1e-12);
    const [date, clock] = time!.replace(/\+00$/, "").split(" ");
    assertAlmostEquals(
      Date.parse(`${date!.replaceAll("/", "-")}T${clock}Z`) / 1000,
      timestamp!,
      0.001,
    );
  });
  const tracks = await read("ogrinfo", render(gpx, {}, sampleFixes), "gpx", (path) => [
    ...["-ro", "-al", "-so", path, "tracks"],
  ]);
  assert(tracks.includes("Feature Count: 3"), tracks);
});

gdal(
  "ogr2ogr reads back every fix of kml, one track per user, with its first and last time",
  async () => {
    const found = await features(render(kml, {}, sampleFixes), "kml");
    assertEquals(found.map(({ properties }) => properties.Name), [
      "user -3",
      "user 1",
      "user 2147483647",
    ]);
    const all = found.flatMap(({ geometry }) => positions(geometry!.coordinates));
    assertEquals(sorted(all.map((place) => place.slice(0, 2))), sorted(places));
    const { begin, end } = found[0]!.properties as Record<string, string>;
    const isoOf = (seconds: number) => new Date(seconds * 1000).toISOString().slice(0, 19);
    assertEquals(
      [begin, end].map((time) => time!.replaceAll("/", "-").replace(" ", "T").slice(0, 19)),
      [isoOf(sampleFixes[0]![1]!), isoOf(sampleFixes[3]![1]!)],
    );
  },
);
