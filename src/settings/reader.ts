import { parseDuration } from "../units.ts";
import { isRelative } from "./paths.ts";
import { didYouMean, oddityIn, type SettingValues } from "./sources.ts";

/** Paths of the files that TLS needs, already resolved; the program reads them again on each connect. */
export interface TlsFiles {
  ca: string | null;
  cert: string | null;
  key: string | null;
  passphrase: string | null;
}

/** Reads checked values; a mistake is added to `faults` and the default returned, so that the rest is checked too. */
export class SettingsReader {
  /** PEM texts of the settings, by the place where each was set: they are used like files of that name. */
  readonly pemTexts = new Map<string, string>();

  constructor(
    readonly values: SettingValues,
    readonly faults: string[],
    /** Folder of the settings file, with a slash at its end: default TLS files are looked for there. */
    readonly folder: string,
    readonly isWindows: boolean,
  ) {}

  text(name: string): string | null {
    return this.values.get(name)?.text ?? null;
  }

  fault(name: string, message: string): void {
    const { where, text } = this.values.get(name) ?? {};
    const odd = text ? oddityIn(name, text) : null;
    this.faults.push(
      `${where ? `${where}: ` : ""}${name.replace(/^.*\./, "")} ${message}${odd ? `: ${odd}` : ""}`,
    );
  }

  /** One line for each value that is accepted, but seems to contain something by mistake. */
  oddities(): string[] {
    return [...this.values].flatMap(([name, { where, text }]) => {
      // In an argument, a person wrote the signs between quotes.
      const odd = where.startsWith("-X ") ? null : oddityIn(name, text);
      return odd ? [`${where}: ${name.replace(/^.*\./, "")} is "${text}": ${odd}`] : [];
    });
  }

  /** One of `known`, ignoring case; null when it is not set or not one of them. */
  choice<T extends string>(name: string, known: readonly T[]): T | null {
    const text = this.text(name);
    if (text === null) return null;
    const found = known.find((word) => word.toLowerCase() === text.toLowerCase());
    if (!found) {
      this.fault(
        name,
        `is "${text}"${didYouMean(text, known) || `: expected one of ${known.join(", ")}`}`,
      );
    }
    return found ?? null;
  }

  integer(name: string, fallback: number, min: number, max: number): number {
    const text = this.text(name);
    if (text === null) return fallback;
    if (/^\d+$/.test(text) && Number(text) >= min && Number(text) <= max) return Number(text);
    this.fault(name, `is "${text}": expected a whole number from ${min} to ${max}`);
    return fallback;
  }

  /** A duration in milliseconds within the bounds; `bareMs`: the unit of a bare number, null when it needs one. */
  duration(
    name: string,
    fallbackMs: number,
    { bareMs = null, min = "1ms", max = "7d" }: {
      bareMs?: number | null;
      min?: string;
      max?: string;
    } = {},
  ): number {
    const text = this.text(name);
    if (text === null) return fallbackMs;
    const isBare = bareMs !== null && /^\d+$/.test(text);
    const ms = isBare ? Number(text) * bareMs : parseDuration(text);
    const [minMs, maxMs] = [parseDuration(min)!, parseDuration(max)!];
    if (ms !== null && ms >= minMs && ms <= maxMs) return ms;
    const expected = ms === null
      ? "such as 10s"
      : ms < minMs
      ? `of at least ${min}`
      : `of at most ${max}`;
    this.fault(name, `is "${text}": expected a duration ${expected}`);
    return fallbackMs;
  }

  boolean(name: string, fallback: boolean): boolean {
    const word = this.choice(name, ["true", "false", "yes", "no", "on", "off", "1", "0"] as const);
    return word === null ? fallback : ["true", "yes", "on", "1"].includes(word);
  }

  /** Where the values come from, for messages: `set in host_settings.ini line 3`. */
  origin(...names: string[]): string {
    const places = new Set(names.flatMap((name) => this.values.get(name)?.where ?? []));
    return places.size > 0
      ? `set in ${[...places].join(" and ")}`
      : "the default: neither a settings file nor the environment sets it";
  }

  /** The path of a PEM file, or the name of the PEM text that is set instead. */
  pem(fileKey: string, textKey: string): string | null {
    const text = this.text(textKey);
    if (text === null) return this.path(fileKey);
    if (this.text(fileKey) !== null) {
      this.fault(textKey, `is set, and ${fileKey.replace(/^.*\./, "")} too: expected one of them`);
    }
    if (!text.includes("-----BEGIN ")) this.fault(textKey, "has no PEM block");
    const where = this.values.get(textKey)!.where;
    // A line of a settings file has no line breaks.
    this.pemTexts.set(where, text.replaceAll("\\n", "\n"));
    return where;
  }

  /** A path; a relative one starts at the folder of the file that sets it. */
  path(name: string): string | null {
    const value = this.values.get(name);
    if (!value) return null;
    return isRelative(value.text, this.isWindows) ? value.folder + value.text : value.text;
  }
}
