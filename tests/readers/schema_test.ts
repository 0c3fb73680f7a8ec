import { assertRejects } from "@std/assert";
import { gpx } from "../../src/formats/gpx.ts";
import { html } from "../../src/formats/html.ts";
import { kml } from "../../src/formats/kml.ts";
import { svg } from "../../src/formats/svg.ts";
import { sampleFixes } from "../formats/sample_fixes.ts";
import { render } from "../formats/support.ts";
import { read, readerTest } from "./reader.ts";

const xmllint = (name: string, fn: () => Promise<void>) =>
  readerTest("xmllint", "libxml2-utils", name, fn);

const schema = new URL("gpx.xsd", import.meta.url).pathname;
const validate = (text: string) =>
  read("xmllint", text, "gpx", (path) => ["--noout", "--nonet", "--schema", schema, path]);

xmllint("gpx is valid according to its schema", async () => {
  const far = [[1, 1e13, 5e-324, -180], [1, -1, -90, 179.99999999999997], [2, 1e300, 0, 0]];
  for (const rows of [[], sampleFixes, far]) await validate(render(gpx, {}, rows));
});

xmllint("the schema of gpx rejects invalid files", async () => {
  const good = render(gpx, {}, sampleFixes);
  const invalid = [
    good.replace('lon="-180"', 'lon="180"'),
    good.replace('lon="0.0000001"', 'lon="1e-7"'),
    good.replace("2024-11-24T", "2024-11-24 "),
    good.replace("<trkseg>", "<trkseg><name>x</name>"),
    good.replace(' version="1.1"', ""),
  ];
  for (const text of invalid) await assertRejects(() => validate(text), Error, "ended with");
});

xmllint("kml and svg are well-formed", async () => {
  const extent = {
    ...{ fixes: 8, users: 3, first: 0, last: 1 },
    box: { west: -180, south: -90, east: 180, north: 90 },
  };
  for (
    const text of [
      render(kml, {}, sampleFixes),
      render(kml, {}),
      render(svg, { extent }, sampleFixes),
    ]
  ) {
    await read("xmllint", text, "xml", (path) => ["--noout", "--nonet", path]);
  }
});

xmllint("html is parsed without errors", async () => {
  await read("xmllint", render(html, {}, sampleFixes), "html", (path) => [
    ...["--html", "--noout", "--nonet", path],
  ]);
});
