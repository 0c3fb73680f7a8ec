import { assertEquals } from "@std/assert";
import { formatRate } from "../../src/commands/rate.ts";

const rates: [perSecond: number, text: string][] = [
  [0, "0/s"],
  [0.0000001, "below 0.001/s"],
  [0.0333, "0.033/s"],
  [0.5, "0.5/s"],
  [1, "1/s"],
  [9.96, "10/s"],
  [10.4, "10/s"],
  [1830.2, "1 830/s"],
];

for (const [perSecond, text] of rates) {
  Deno.test(`a rate of ${perSecond} is written ${text}`, () => {
    assertEquals(formatRate(perSecond), text);
  });
}
