import { assert } from "@std/assert";
import type { Tiles } from "../../src/formats/tiles.ts";
import type { Page } from "./browser.ts";

/** A request for a tile. */
export interface Asked {
  path: string;
  referrer: string | null;
}

const SIZE = 256;
const HEADER = 54;

/** The red of a tile says which one it is; green and blue are the place in the tile, in its pixels. */
function redOf(z: number, x: number, y: number): number {
  return (z * 89 + x * 37 + y * 151) % 256;
}

/** A BMP of 24 bits. */
function tileOf(z: number, x: number, y: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(HEADER + SIZE * SIZE * 3);
  const fields = new DataView(bytes.buffer);
  bytes.set([0x42, 0x4d]);
  const words: [at: number, value: number][] = [
    ...[[2, bytes.length], [10, HEADER], [14, 40], [18, SIZE], [22, -SIZE]] as [number, number][],
    [26, 1 | 24 << 16],
  ];
  for (const [at, value] of words) fields.setInt32(at, value, true);
  for (let row = 0; row < SIZE; row++) {
    for (let column = 0; column < SIZE; column++) {
      bytes.set([row, column, redOf(z, x, y)], HEADER + (row * SIZE + column) * 3);
    }
  }
  return bytes;
}

/** Serves tiles that show their own coordinates, except those that `isMissing`. */
export async function withTileServer(
  work: (tiles: Tiles, asked: Asked[]) => Promise<void>,
  isMissing: (z: number, x: number, y: number) => boolean = () => false,
): Promise<void> {
  const asked: Asked[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    const path = new URL(request.url).pathname;
    asked.push({ path, referrer: request.headers.get("referer") });
    const [z, x, y] = path.slice(1).split("/").map(Number) as [number, number, number];
    if (isMissing(z, x, y)) return new Response("", { status: 404 });
    return new Response(tileOf(z, x, y), { headers: { "content-type": "image/bmp" } });
  });
  const url = `http://127.0.0.1:${server.addr.port}/{z}/{x}/{y}`;
  try {
    await work({ url, attribution: "127.0.0.1", about: null }, asked);
  } finally {
    await server.shutdown();
  }
}

/** Waits until the view with all its tiles is drawn. */
export function tilesArrived(page: Page): Promise<void> {
  return page.evaluate<void>(`(async () => {
    const isDrawn = () => ["easting", "latitude", "scale"].every((name) => drawn[name] === view[name]);
    const hasArrived = () => tileImages.size > 0 && [...tileImages.values()].every((one) => one.complete);
    do await new Promise(requestAnimationFrame); while (pending || !isDrawn() || !hasArrived());
    redraw();
    while (pending) await new Promise(requestAnimationFrame);
  })()`);
}

/** Colours of the window as it is seen; the canvas itself cannot be read when it shows images of another site. */
export async function colorsAt(page: Page, spots: number[][]): Promise<number[][]> {
  const png = (await page.screenshot()).toBase64();
  return await page.evaluate(`(async () => {
    const image = new Image();
    image.src = "data:image/png;base64,${png}";
    await image.decode();
    const copy = new OffscreenCanvas(image.width, image.height).getContext("2d", {
      willReadFrequently: true,
    });
    copy.drawImage(image, 0, 0);
    return ${JSON.stringify(spots)}.map(([x, y]) => [...copy.getImageData(x, y, 1, 1).data]);
  })()`);
}

/** Checks that the tiles around a place are the right ones, and lie right to a pixel. */
export async function assertAligned(page: Page, latitude: number, longitude: number) {
  const [left, top, perWorld] = await page.evaluate<[number, number, number]>(
    `[x(wrap(${longitude} - origin.longitude)), y(${latitude}), view.scale * 360]`,
  );
  // The formula of the tile servers, in another form than that of the page.
  const angle = latitude * Math.PI / 180;
  const across = (longitude + 180) / 360;
  const down = (1 - Math.log(Math.tan(angle) + 1 / Math.cos(angle)) / Math.PI) / 2;
  const z = Math.min(19, Math.round(Math.log2(perWorld / SIZE)));
  const count = 2 ** z;
  const spots = [-47, -31, 29, 43].flatMap((dx) =>
    [-41, -27, 33, 49].map((dy) => [Math.round(left) + dx, Math.round(top) + dy])
  );
  const seen = await colorsAt(page, spots);
  const wrong = spots.flatMap(([spotX, spotY], i) => {
    // The middle of the pixel, in tiles.
    const inX = (across + (spotX! + 0.5 - left) / perWorld) * count;
    const inY = (down + (spotY! + 0.5 - top) / perWorld) * count;
    const [x, y] = [((Math.floor(inX) % count) + count) % count, Math.floor(inY)];
    const [column, row] = [(inX - Math.floor(inX)) * SIZE, (inY - Math.floor(inY)) * SIZE];
    const [red, green, blue] = seen[i] as [number, number, number];
    const pixel = SIZE * count / perWorld;
    const isRight = red === redOf(z, x, y) && Math.abs(green + 0.5 - column) <= 0.6 + pixel &&
      Math.abs(blue + 0.5 - row) <= 0.6 + pixel;
    return isRight ? [] : [{ z, x, y, column, row, red, green, blue, expected: redOf(z, x, y) }];
  });
  // A line of the graticule, a label or a track covers some.
  assert(wrong.length <= spots.length / 3, JSON.stringify({ left, top, wrong }, null, 1));
}
