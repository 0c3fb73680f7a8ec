// The picture of the live page in README: a screenshot of a real run, as PNG on stdout; needs chromium.
//   deno task picture:page > tests/support/live.png

import { atUrl } from "../readers/browser.ts";
import { withProgram } from "./program.ts";

const USERS = ["--users", "80", "--radius", "4km", "--seed", "5"];

if (import.meta.main) {
  let picture: Uint8Array = new Uint8Array();
  await withProgram({ partitions: 3 }, async ({ routes, start, topic, schema }) => {
    await routes(["produce", "-n", "6000", ...USERS]);
    await routes(["consume"]);
    const consumer = start(["consume", "--follow", "--http", "0"]);
    const [, url] = await consumer.said(/^listening on (http:\S+)$/m);
    const producer = start(["produce", "--count", "0", "--rate", "80", "--invalid", "1", ...USERS]);
    await atUrl(`${url}/`, async (page) => {
      // The rate has several bars then.
      await new Promise((resolve) => setTimeout(resolve, 30_000));
      await page.evaluate(`
        source.close();
        state.about.topic = state.about.topic.replace("${topic}", "routes");
        state.about.group = "routes";
        state.about.table = "127.0.0.1:5432/routes schema ${schema}".replace("${schema}", "public");
        document.querySelector("details").open = true;
        update();`);
      await page.evaluate("new Promise((resolve) => setTimeout(resolve, 500))");
      picture = await page.screenshot();
    });
    producer.kill("SIGTERM");
    consumer.kill("SIGTERM");
    await Promise.all([producer.ended, consumer.ended]);
  });
  // A pipe may take only a part at a time.
  for (let at = 0; at < picture.length;) at += Deno.stdout.writeSync(picture.subarray(at));
  Deno.exit(0);
}
