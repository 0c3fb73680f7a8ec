import { assertEquals } from "@std/assert";
import { quoteText } from "../../src/postgres/quote.ts";
import { withSchema } from "../support/fixtures.ts";

Deno.test("quoteText() gives the server exactly the text, whatever a backslash means to it", () =>
  withSchema(async ({ sql }) => {
    for (const setting of ["on", "off"]) {
      for (const text of ["", "plain", "it's", "a\\", "\\' or true --", "a\\'b''\\\\c"]) {
        const statement =
          `set standard_conforming_strings = ${setting}; set escape_string_warning = off;
          select ${quoteText(text)} as text`;
        const results = await sql.unsafe(statement) as unknown as { text: string }[][];
        assertEquals(results.at(-1)![0]!.text, text);
      }
    }
  }));
