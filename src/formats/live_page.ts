import { createHash } from "node:crypto";
import { COASTLINES } from "./coastlines.ts";
import coasts from "./page/coasts.js" with { type: "text" };
import gestures from "./page/gestures.js" with { type: "text" };
import frame from "./page/live.html" with { type: "text" };
import map from "./page/live_map.js" with { type: "text" };
import panels from "./page/live_panels.js" with { type: "text" };
import style from "./page/live.css" with { type: "text" };
import base from "./page/page.css" with { type: "text" };
import tileScript from "./page/tiles.js" with { type: "text" };
import view from "./page/view.js" with { type: "text" };
import { PALETTE } from "./palette.ts";
import { joined, partsOf } from "./page/script.ts";
import { imageSources, type Tiles } from "./tiles.ts";

/** The page of a running consumer: its text, and a policy that lets a browser run only what is in it. */
export function livePage(tiles: Tiles | null): { body: string; headers: Record<string, string> } {
  const [above, between, below] = partsOf(frame);
  const css = `\n${base}${style}`;
  const script = `\nconst palette = ${JSON.stringify(PALETTE)};\nconst coastlines = ${
    JSON.stringify(COASTLINES)
  };\nconst tiles = ${JSON.stringify(tiles)};\n${
    joined(view, coasts, tileScript, map, gestures, panels)
  }`;
  const policy = [
    "default-src 'none'",
    `script-src '${hashOf(script)}'`,
    `style-src '${hashOf(css)}'`,
    "connect-src 'self'",
    `img-src ${imageSources(tiles)}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; ");
  return {
    body: `${above}<style>${css}</style>${between}<script>${script}</script>${below}`,
    headers: { "content-security-policy": policy },
  };
}

function hashOf(text: string): string {
  return `sha256-${createHash("sha256").update(text).digest("base64")}`;
}
