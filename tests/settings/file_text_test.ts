import { assertEquals, assertThrows } from "@std/assert";
import { OperationalError } from "../../src/errors.ts";
import { decodeFile, decodeText } from "../../src/settings/file_text.ts";

const text = "[kafka]\r\ntopic = r\u00f6utes\r\n";

/** The text in UTF-16, with a byte order mark. */
function utf16(isLittle: boolean): Uint8Array {
  const view = new DataView(new ArrayBuffer(2 + 2 * text.length));
  for (const [i, char] of [...`\ufeff${text}`].entries()) {
    view.setUint16(2 * i, char.charCodeAt(0), isLittle);
  }
  return new Uint8Array(view.buffer);
}

Deno.test("decodeFile() reads UTF-8 and both kinds of UTF-16", () => {
  assertEquals(decodeFile("a.ini", new TextEncoder().encode(text), false), text);
  assertEquals(decodeFile("a.ini", utf16(true), false), text);
  assertEquals(decodeFile("a.ini", utf16(false), false), text);
});

Deno.test("decodeText() reads UTF-8 and both kinds of UTF-16, and replaces what does not fit", () => {
  for (const bytes of [new TextEncoder().encode(text), utf16(true), utf16(false)]) {
    assertEquals(decodeText(bytes), text);
  }
  assertEquals(decodeText(Uint8Array.of(0x61, 0xe4)), "a\ufffd");
});

Deno.test("decodeFile() names a program that Windows has", () => {
  const broken = Uint8Array.of(0x70, 0xe4);
  const error = assertThrows(() => decodeFile("my a.ini", broken, true), OperationalError);
  assertEquals(error.hint, ['save it as UTF-8, which its menu offers: notepad "my a.ini"']);
});

Deno.test("decodeFile() names what a file is instead, and how to convert it", () => {
  const cases: [bytes: Uint8Array, reason: string, from: string][] = [
    [utf16(true).subarray(2), "it is UTF-16 without a byte order mark", "UTF-16LE"],
    [Uint8Array.of(0x70, 0xe4), "it is not UTF-8 text", "LATIN1"],
    [utf16(true).subarray(0, -1), "it is broken UTF-16", "UTF-16"],
  ];
  for (const [bytes, reason, from] of cases) {
    const error = assertThrows(() => decodeFile("my settings.ini", bytes, false), OperationalError);
    assertEquals(
      [error.kind, error.message, error.hint],
      [
        "settings",
        `cannot read "my settings.ini": ${reason}`,
        [`save it as UTF-8: iconv -f ${from} -t UTF-8 'my settings.ini'`],
      ],
    );
  }
});
