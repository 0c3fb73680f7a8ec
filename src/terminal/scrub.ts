/** Takes secrets out of a text: those given, and passwords in addresses. */
export function scrub(text: string, secrets: string[]): string {
  const spellings = secrets.filter((secret) => secret.length > 0)
    .flatMap((secret) => [secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1)]);
  // The longest first: what begins like another must not leave its end behind. Addresses last: they may hold a part only.
  return spellings.sort((a, b) => b.length - a.length)
    .reduce((clean, secret) => clean.replaceAll(asPattern(secret), "***"), text)
    .replace(/(\w+:\/\/[^\s:@/]*:)\S+@/g, "$1***@");
}

/** A short word counts only as a whole one: "postgres" in "[postgresql]" is no secret, and a fix must stay readable. */
function asPattern(secret: string): string | RegExp {
  return /^\w{1,8}$/.test(secret) ? new RegExp(`(?<!\\w)${secret}(?!\\w)`, "g") : secret;
}
