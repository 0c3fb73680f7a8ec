// What the first run downloads, and what it needs for that. No remote imports: see task.ts.

import { runChild } from "./child.ts";

/** The oldest Java on which Kafka's broker starts. */
const JAVA_MIN = 17;

const INSTALL = `
  Debian, Ubuntu  sudo apt-get install default-jre-headless maven
  Fedora          sudo dnf install java-latest-openjdk-headless maven
  macOS           brew install temurin maven
  Windows         wsl --install, then as on Debian, in a clone inside of WSL
or start Kafka on 127.0.0.1:9092 yourself, or put the name of a settings file into ROUTES_TEST_CONFIG`;

/** Throws what to install if there is no Java, or an old one. */
export async function requireJava(): Promise<void> {
  const printed = await runChild("java", { args: ["-version"], name: "java" }).catch(() => null);
  const version = Number(/version "(?:1\.)?(\d+)/.exec(printed ?? "")?.[1]);
  if (version >= JAVA_MIN) return;
  const found = printed === null ? "java is missing" : `java is version ${version}`;
  throw new Error(`${found}: Kafka needs Java ${JAVA_MIN} or newer, and Maven${INSTALL}`);
}

/** Throws what to install if there is no Maven. */
export async function requireMaven(): Promise<void> {
  await runChild("mvn", { args: ["-version"], name: "maven" }).catch(() => {
    throw new Error(`mvn is missing: Maven downloads Kafka${INSTALL}`);
  });
}

/** Reads what Maven prints, piece by piece; returns how much it has downloaded so far. */
export function openMavenProgress(): (piece: string) => string {
  let line = "";
  let files = 0;
  let doneKb = 0;
  let runningKb = 0;
  return (piece) => {
    const lines = (line + piece).split(/[\r\n]/);
    line = lines.pop()!;
    for (const text of lines) {
      // Several files at once: `Progress (2): 1.1 MB | 3.1/6.7 MB`.
      const [, running] = /Progress \(\d+\): (.*)/.exec(text) ?? [];
      const [, number, unit] = /Downloaded from .*\(([\d.]+) (\w+) at /.exec(text) ?? [];
      if (running) {
        const parts = running.matchAll(/([\d.]+)(?:\/[\d.]+)? (B|kB|MB|GB)/g);
        runningKb = [...parts].reduce((sum, [, of, unit]) => sum + kilobytes(of!, unit!), 0);
      } else if (number) {
        files++;
        doneKb += kilobytes(number, unit!);
        runningKb = 0;
      }
    }
    return `${files} ${files === 1 ? "file" : "files"}, ${
      ((doneKb + runningKb) / 1000).toFixed(1)
    } MB`;
  };
}

function kilobytes(number: string, unit: string): number {
  return Number(number) * ({ B: 0.001, kB: 1, MB: 1000, GB: 1_000_000 }[unit] ?? 0);
}

/** How often a line about progress is printed to a file. */
const PLAIN_MS = 10_000;
const REDRAW_MS = 200;

/** Shows how far something is: on a terminal in one line, which it rewrites; elsewhere now and then. */
export function openProgress(say: (line: string) => void) {
  const isTerminal = Deno.stderr.isTerminal();
  let shownAt = performance.now();
  let isShown = false;
  const write = (text: string) => Deno.stderr.writeSync(new TextEncoder().encode(text));
  return {
    show: (line: string) => {
      const now = performance.now();
      if (now - shownAt < (isTerminal ? REDRAW_MS : PLAIN_MS)) return;
      shownAt = now;
      if (!isTerminal) return say(line);
      isShown = true;
      write(`\r\x1b[K· ${line}`);
    },
    close: () => {
      if (isShown) write("\r\x1b[K");
    },
  };
}
