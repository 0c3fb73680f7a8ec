/** A server of background tiles. */
export interface Tiles {
  /** With `{z}`, `{x}` and `{y}`; it has no character that HTML gives a meaning. */
  url: string;
  /** Who made them, as the page shows it, and where that is explained. */
  attribution: string;
  about: string | null;
}

const OSM: Tiles = {
  url: "https://tile.openstreetmap.org/{z}/{x}/{y}.png",
  attribution: "© OpenStreetMap contributors",
  about: "https://www.openstreetmap.org/copyright",
};

/** Reads `osm` or a template of URLs; null if it is neither. */
export function readTiles(text: string): Tiles | null {
  if (text === "osm") return OSM;
  const url = URL.parse(text);
  // The origin becomes part of a policy, and browsers load no images with a password in the URL.
  const isServer = url && /^https?:$/.test(url.protocol) && /^[\w.-]+(:\d+)?$/.test(url.host) &&
    url.username === "" && url.password === "";
  if (!isServer) return null;
  url.hash = "";
  const template = url.href.replace(/%7B([xyz])%7D/gi, "{$1}");
  const hasAll = ["{z}", "{x}", "{y}"].every((part) => template.includes(part));
  return hasAll ? { url: template, attribution: url.hostname, about: null } : null;
}

/** The sources of images that the policy of a page allows: without tiles only those within the page. */
export function imageSources(tiles: Tiles | null): string {
  return tiles ? `data: ${new URL(tiles.url).origin}` : "data:";
}
