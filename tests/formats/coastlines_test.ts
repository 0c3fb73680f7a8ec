import { assert, assertEquals } from "@std/assert";
import { COASTLINES, coastlinesIn } from "../../src/formats/coastlines.ts";
import { svg } from "../../src/formats/svg.ts";
import { picture } from "./support.ts";

const globe = { west: -180, east: 180, south: -90, north: 90 };

/** Kilometres from a place to the next place on a coast. */
function away(latitude: number, longitude: number, box = globe): number {
  let least = Infinity;
  for (const line of coastlinesIn(box)) {
    line.slice(1).forEach((to, i) => {
      // Along the line, because its steps are long.
      for (let share = 0; share <= 1; share += 0.1) {
        const lat = line[i]!.latitude + share * (to.latitude - line[i]!.latitude);
        const lon = line[i]!.longitude + share * (to.longitude - line[i]!.longitude);
        const east = (lon - longitude) * Math.cos(latitude * Math.PI / 180);
        least = Math.min(least, Math.hypot(lat - latitude, east) * 111.2);
      }
    });
  }
  return least;
}

const capes: [name: string, latitude: number, longitude: number][] = [
  ["Cape Agulhas", -34.83, 20.0],
  ["Land's End", 50.07, -5.72],
  ["Cape Horn", -55.98, -67.27],
  ["Hanko", 59.81, 22.91],
  ["Point Barrow", 71.39, -156.48],
  ["North Cape of New Zealand", -34.42, 173.05],
];

for (const [name, latitude, longitude] of capes) {
  Deno.test(`a coastline passes within 30 km of ${name}`, () => {
    assert(away(latitude, longitude) < 30, `${away(latitude, longitude)} km`);
  });
}

Deno.test("no coastline is far inside a continent or an ocean, at 180° or at the poles", () => {
  for (const [latitude, longitude] of [[48, 68], [-25, 135], [0, -140], [-30, 80], [10, 180]]) {
    assert(away(latitude!, longitude!) > 500, `${[latitude, longitude]}`);
  }
  for (const line of coastlinesIn(globe)) {
    for (const { latitude, longitude } of line) {
      assert(Math.abs(longitude) <= 180 && latitude > -86 && latitude < 84);
    }
  }
});

Deno.test("a view across 180° has the coasts of both sides", () => {
  const fiji = { west: 175, east: 190, south: -22, north: -12 };
  assert(away(-17.6, 177.4, fiji) < 30, "Viti Levu");
  assert(away(-13.5, -172.5, fiji) < 60, "Savai'i, which is at 187.5°");
});

Deno.test("the coastlines take less than 60 KB", () => {
  assert(COASTLINES.text.length < 60_000, `${COASTLINES.text.length}`);
});

Deno.test("svg draws coastlines in a view of more than 200 km, and none in a smaller one", () => {
  const drawn = (...places: [number, number][]) =>
    picture(svg, {}, places.map(([latitude, longitude], i) => [1, 60 * i, latitude, longitude]));
  const wide = drawn([59.3, 18.1], [60.2, 24.9]);
  const small = drawn([60.1, 24.9], [60.2, 25.0]);
  assertEquals([wide, small].map((text) => text.includes('class="coast"')), [true, false]);
  // Lines that are cut at the far side do not cross the picture.
  const [, path] = /class="coast" d="([^"]+)"/.exec(drawn([0, -179], [0, 0], [0, 179]))!;
  for (const part of path!.split("M").slice(1)) {
    const xs = part.split("L").map((spot) => Number(spot.split(" ")[0]));
    xs.slice(1).forEach((x, i) => assert(Math.abs(x - xs[i]!) < 100, part));
  }
});
