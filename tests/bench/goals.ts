// Measures the program as a process with real services, start included, in turns with other programs for the same work.
// deno task bench [--records N] [--runs N] [--only consume,produce]

import { parseArgs } from "@std/cli/parse-args";
import { median } from "./measure.ts";
import { findPeers } from "./peers.ts";
import { type Figure, openBench, rows } from "./rows.ts";

const flags = parseArgs(Deno.args, {
  string: ["records", "runs", "only"],
  default: { records: "1000000", runs: "3" },
});
const [records, runs] = [Number(flags.records), Number(flags.runs)];
const only = flags.only?.split(",") ?? Object.keys(rows);
const say = (line: string) => Deno.stdout.writeSync(new TextEncoder().encode(line + "\n"));

const peers = await findPeers(say);
const series = new Map<string, Figure[]>();
for (let run = 0; run < runs; run++) {
  const bench = await openBench(records, peers);
  try {
    for (const name of only) {
      for (const figure of await rows[name]!(bench)) {
        const key = `${figure.what} ${figure.peer?.name}`;
        series.set(key, [...series.get(key) ?? [], figure]);
        say(`· ${run + 1}/${runs} ${show(figure).join(" ")}`);
      }
    }
  } finally {
    await bench.workspace.close();
  }
}

const [load] = Deno.loadavg();
say(
  `\n${records.toLocaleString("en")} records, 12 partitions, median of ${runs}; ` +
    `${navigator.hardwareConcurrency} cores, shared with broker and database, load ${
      load!.toFixed(1)
    }\n`,
);
const table = [
  ["what", "routes", "unit", "CPU µs", "peer", "CPU µs", "name", "ratio", "wanted", ""],
  ...[...series.values()].map((figures) => show(medianFigure(figures))),
];
const widths = table[0]!.map((_, i) => Math.max(...table.map((row) => row[i]!.length)));
for (const row of table) say(row.map((cell, i) => cell.padEnd(widths[i]!)).join("  ").trimEnd());
Deno.exit(0);

function medianFigure(figures: Figure[]): Figure {
  const [first] = figures as [Figure];
  const of = (value: (figure: Figure) => number | null | undefined) =>
    median(figures.map((figure) => value(figure) ?? NaN));
  const { peer } = first;
  return {
    ...first,
    ours: of(({ ours }) => ours),
    cpu: of(({ cpu }) => cpu),
    ...(peer && {
      peer: {
        ...peer,
        value: peer.value === null ? null : of(({ peer }) => peer?.value),
        cpu: of(({ peer }) => peer?.cpu),
      },
    }),
  };
}

function show({ what, ours, unit, cpu, peer, wanted = {} }: Figure): string[] {
  const ratio = peer ? ours / (peer.value ?? NaN) : null;
  const { atLeast, atMost } = wanted;
  const value = ratio ?? ours;
  const isRated = (atLeast ?? atMost) !== undefined && !Number.isNaN(value);
  const isMet = value >= (atLeast ?? -Infinity) && value <= (atMost ?? Infinity);
  return [
    what,
    digits(ours),
    unit,
    micros(cpu),
    !peer ? "" : peer.value === null ? "missing" : digits(peer.value),
    micros(peer?.cpu),
    peer?.name ?? "",
    ratio === null || Number.isNaN(ratio) ? "" : ratio.toFixed(2),
    atLeast !== undefined
      ? `≥ ${digits(atLeast)}`
      : atMost !== undefined
      ? `≤ ${digits(atMost)}`
      : "",
    !isRated ? "" : isMet ? "✓" : "✗",
  ];
}

function micros(cpu: number | undefined): string {
  return cpu === undefined || Number.isNaN(cpu) ? "" : cpu.toFixed(1);
}

function digits(value: number): string {
  return value.toLocaleString("en", { maximumFractionDigits: value < 100 ? 2 : 0 });
}
