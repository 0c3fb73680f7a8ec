import type { ProduceOptions } from "../../cli/commands/produce.ts";
import { LANES_MAX, openSenders } from "../../kafka/senders.ts";
import type { CommandContext, CommandResult } from "../context.ts";
import { openKafkaFor } from "../open_kafka.ts";
import { runProduce } from "./produce.ts";
import { isOpenEnded } from "./schedule.ts";
import { summarize } from "./tally.ts";
import { endOfInput } from "../../system.ts";

/** So few records fit into one batch for each partition: more connections would take longer than they save. */
const FEW = 1_000;

/** `routes produce`: sends generated or given records to the topic. */
export async function produce(
  options: ProduceOptions,
  context: CommandContext,
): Promise<CommandResult> {
  const { system, reporter, settings: { kafka: { topic } } } = context;
  const { acks, compression, dryRun } = options;
  const connection = dryRun ? null : openKafkaFor(context);
  const sender = connection && await connection.open(
    openSenders(
      connection.kafka,
      { topic, acks, compression, deadlineMs: 120_000, signal: system.signal },
      options.count !== null && options.count <= FEW ? 1 : LANES_MAX,
    ),
  );
  // A person may type the records: leave no progress line on the terminal.
  reporter.clear();
  if (options.stdin && system.stdinIsTerminal) {
    reporter.note(
      `reading records from the terminal, one JSON object a line; ${endOfInput(system)} ends them`,
    );
  }
  try {
    const { stdout } = system;
    const { tally, failure } = await runProduce(options, {
      topic,
      sender,
      reporter,
      system,
      stdout,
    });
    reporter.note(summarize(tally, { dry: dryRun }));
    return { summary: tally, failure, openEnded: isOpenEnded(options) };
  } finally {
    await sender?.close();
  }
}
