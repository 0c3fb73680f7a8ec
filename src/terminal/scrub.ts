/** Replaces secrets in a text by ***: the given ones, and passwords in addresses. */
export function scrub(text: string, secrets: string[]): string {
  const spellings = secrets.filter((secret) => secret.length > 0)
    .flatMap((secret) => [secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1)]);
  // The longest first: a secret that begins like another must not leave its end behind. Addresses last: they may contain
  // only a part of a password.
  return spellings.sort((a, b) => b.length - a.length)
    .reduce((clean, secret) => clean.replaceAll(asPattern(secret), "***"), text)
    .replace(/(\w+:\/\/[^\s:@/]*:)\S+@/g, "$1***@");
}

/** A short secret matches whole words only: "postgres" in "[postgresql]" is not one, and a hint must stay readable. */
function asPattern(secret: string): string | RegExp {
  return /^\w{1,8}$/.test(secret) ? new RegExp(`(?<!\\w)${secret}(?!\\w)`, "g") : secret;
}
