// RFC 4013, as libpq applies it (src/common/saslprep.c): a password that it cannot prepare is used as it is.

/** Non-ASCII spaces (RFC 3454, table C.1.2), which become a space. */
const SPACES = /[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]/g;
/** Characters that become nothing (table B.1), except those that are spaces to libpq. */
const NOTHING = /[\u00ad\u034f\u1806\u180b-\u180d\u200b-\u200d\u2060\ufe00-\ufe0f\ufeff]/g;
/** Characters that no prepared text contains (tables C.2 to C.9). */
const PROHIBITED =
  /[\p{Cc}\p{Co}\p{Cs}\u0340\u0341\u200e\u200f\u202a-\u202e\u2028\u2029\u206a-\u206f\u2ff0-\u2ffb\ufff9-\ufffd\u{e0001}\u{e0020}-\u{e007f}]/u;
const RIGHT_TO_LEFT = /[\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}]/u;
const LEFT_TO_RIGHT = /[\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}\p{Script=Han}]/u;

/** A password in the form from which SCRAM derives its keys. */
export function saslprep(password: string): string {
  if (/^[\x20-\x7e]*$/.test(password)) return password;
  const prepared = password.replace(SPACES, " ").replace(NOTHING, "").normalize("NFKC");
  const isMixed = RIGHT_TO_LEFT.test(prepared) &&
    (LEFT_TO_RIGHT.test(prepared) || !hasRightEnds(prepared));
  return prepared === "" || PROHIBITED.test(prepared) || isMixed ? password : prepared;
}

function hasRightEnds(text: string): boolean {
  const chars = [...text];
  return [chars[0]!, chars.at(-1)!].every((char) => RIGHT_TO_LEFT.test(char));
}
