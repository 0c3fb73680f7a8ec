import type { Reject } from "../../record/validate.ts";

/** What to do if the first line of the input shows that all of it has another form, or times in milliseconds; null: it does not. */
export function otherForm({ offset, path, message: { value } }: Reject): string | null {
  if (offset !== 1 || value === null) return null;
  const line = new TextDecoder().decode(value.subarray(0, 1_000)).trim();
  if (line.startsWith("[")) {
    return "one JSON object a line: jq -c '.[]' FILE | routes produce --stdin";
  }
  // An object that goes on in the next line.
  if (/^\{[^}]*$/.test(line)) {
    return "one JSON object a line: jq -c . FILE | routes produce --stdin";
  }
  if (/^[\w "]+([,;\t][\w "]*)+$/.test(line)) {
    return 'one JSON object a line, not CSV: {"userID":7,"timestamp":1732431234.5,"coordinates":[60.17,24.94]}';
  }
  if (path === "timestamp" && /"timestamp" *: *\d{13}\b/.test(line)) {
    return "seconds, not milliseconds: jq -c '.timestamp /= 1000' FILE | routes produce --stdin";
  }
  return null;
}
