import { assert } from "@std/assert";
import { html } from "../../src/formats/html.ts";
import { livePage } from "../../src/formats/live_page.ts";
import { render } from "./support.ts";

// The files of a page become one script, so a name may be declared in one of them only.

const tiles = { url: "http://a.example/{z}/{x}/{y}", attribution: "a.example", about: null };

for (const [background, options] of [["without", { tiles: null }], ["with", { tiles }]] as const) {
  const pages = {
    html: render(html, options, [[7, 0, 60, 25]]),
    live: livePage(options.tiles).body,
  };
  for (const [name, page] of Object.entries(pages)) {
    Deno.test(`the ${name} page ${background} tiles has a script that a browser accepts`, () => {
      const scripts = [...page.matchAll(/<script>(.*?)<\/script>/gs)].map(([, text]) => text!);
      assert(scripts.join("").length > 10_000);
      // Throws a SyntaxError.
      new Function(scripts.join("\n"));
    });
  }
}
