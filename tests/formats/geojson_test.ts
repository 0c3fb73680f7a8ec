import { assert, assertEquals } from "@std/assert";
import { geojson, geojsonseq } from "../../src/formats/geojson.ts";
import type { RenderOptions } from "../../src/formats/format.ts";
import { sampleFixes } from "./sample_fixes.ts";
import { render } from "./support.ts";

type Position = [number, number];
interface Feature {
  type: string;
  properties: { user_id: number; coordTimes: unknown[] };
  geometry: { type: string; coordinates: unknown[] };
}

/** Returns the features after checking the rules of RFC 7946. */
function parse(options: Partial<RenderOptions>, ...batches: number[][][]): Feature[] {
  const collection = JSON.parse(render(geojson, options, ...batches));
  assertEquals(Object.keys(collection), ["type", "features"]);
  assertEquals(collection.type, "FeatureCollection");
  for (const { type, properties, geometry } of collection.features as Feature[]) {
    assertEquals(type, "Feature");
    const { coordinates } = geometry;
    if (geometry.type === "Point") checkPosition(coordinates as Position);
    else if (geometry.type === "MultiPoint") (coordinates as Position[]).forEach(checkPosition);
    else {
      const isMulti = geometry.type === "MultiLineString";
      assert(isMulti || geometry.type === "LineString", geometry.type);
      const parts = (isMulti ? coordinates : [coordinates]) as Position[][];
      const times = isMulti ? properties.coordTimes : [properties.coordTimes];
      assertEquals((times as unknown[][]).map((part) => part.length), parts.map((p) => p.length));
      for (const part of parts) {
        assert(part.length >= 2);
        part.forEach(checkPosition);
        // No part crosses 180° (3.1.9).
        part.slice(1).forEach(([lon], i) => assert(Math.abs(lon - part[i]![0]) <= 180));
      }
    }
  }
  return collection.features;
}

function checkPosition(position: Position): void {
  const [longitude, latitude] = position;
  assertEquals(position.length, 2);
  assert(Math.abs(longitude) <= 180 && Math.abs(latitude) <= 90);
}

Deno.test("geojson() of nothing is a collection without features", () => {
  assertEquals(render(geojson, {}), '{"type":"FeatureCollection","features":[]}\n');
});

Deno.test("geojson() has one line per user, longitude first, and a point for a single fix", () => {
  const features = parse(
    {},
    [[1, 0, 60, 25], [1, 5.5, 60.1, 25.1]],
    // The track of a user continues in the next batch.
    [[1, 10, 60.2, 25.2], [2, 20, -10, -20]],
    [],
    [[3, 1, 0, 0], [3, 2, 0, 0]],
  );
  assertEquals(features, [
    {
      type: "Feature",
      properties: {
        user_id: 1,
        coordTimes: [
          "1970-01-01T00:00:00.000Z",
          "1970-01-01T00:00:05.500Z",
          "1970-01-01T00:00:10.000Z",
        ],
      },
      geometry: { type: "LineString", coordinates: [[25, 60], [25.1, 60.1], [25.2, 60.2]] },
    },
    {
      type: "Feature",
      properties: { user_id: 2, coordTimes: ["1970-01-01T00:00:20.000Z"] },
      geometry: { type: "Point", coordinates: [-20, -10] },
    },
    {
      type: "Feature",
      properties: {
        user_id: 3,
        coordTimes: ["1970-01-01T00:00:01.000Z", "1970-01-01T00:00:02.000Z"],
      },
      geometry: { type: "LineString", coordinates: [[0, 0], [0, 0]] },
    },
  ]);
});

Deno.test("geojson() cuts a track at 180°, on both sides of the meridian", () => {
  const [feature] = parse({ time: "unix" }, [
    [1, 0, 0, 179],
    [1, 10, 1, -179],
    [1, 20, 2, -178],
    [1, 40, 0, 178],
  ]);
  assertEquals(feature!.geometry, {
    type: "MultiLineString",
    coordinates: [
      [[179, 0], [180, 0.5]],
      [[-180, 0.5], [-179, 1], [-178, 2], [-180, 1]],
      [[180, 1], [178, 0]],
    ],
  });
  assertEquals(feature!.properties.coordTimes, [[0, 5], [5, 10, 20, 30], [30, 40]]);
});

Deno.test("geojson() follows the rules for random walks along 180°", () => {
  for (let seed = 1; seed <= 200; seed++) {
    // A linear congruential generator, so that the walks are the same in each run.
    let state = seed;
    const next = () => (state = state * 48_271 % 2_147_483_647) / 2_147_483_647;
    const fixes = Array.from({ length: 2 + Math.floor(next() * 8) }, (_, i) => {
      const longitude = [180, -180, 179 + next(), -179 - next()][Math.floor(next() * 4)]!;
      return [1, i, next() * 180 - 90, longitude];
    });
    parse({}, fixes);
  }
});

Deno.test("geojson() skips fixes without valid coordinates", () => {
  const features = parse({}, [[1, 0, NaN, 5], [2, 0, 1, 5], [2, 1, 2, NaN]]);
  assertEquals(features.map(({ properties }) => properties.user_id), [2]);
  assertEquals(features[0]!.geometry, { type: "Point", coordinates: [5, 1] });
});

Deno.test("geojson() splits a line at gaps, and makes a point of a fix between two gaps", () => {
  const track = [0, 10, 5_000, 10_000, 10_005, 20_000].map((time) => [1, time, time / 1e3, 5]);
  const features = parse({ time: "unix" }, track);
  assertEquals(features.map(({ geometry }) => geometry), [
    {
      type: "MultiLineString",
      coordinates: [[[5, 0], [5, 0.01]], [[5, 10], [5, 10.005]]],
    },
    { type: "MultiPoint", coordinates: [[5, 5], [5, 20]] },
  ]);
  assertEquals(features.map(({ properties }) => properties.coordTimes), [
    [[0, 10], [10_000, 10_005]],
    [5_000, 20_000],
  ]);
});

Deno.test("geojsonseq() has a record separator before and a line end after each feature", () => {
  const text = render(geojsonseq, {}, sampleFixes);
  assertEquals(text.split("\n").map((line) => line[0]), [..."\x1e".repeat(4), undefined]);
  const features = text.split("\x1e").slice(1).map((record) => JSON.parse(record));
  assertEquals(features, JSON.parse(render(geojson, {}, sampleFixes)).features);
  assertEquals(render(geojsonseq, {}), "");
});
