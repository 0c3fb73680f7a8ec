import type { ProduceOptions } from "../../cli/commands/produce.ts";
import { openSender } from "../../kafka/sender.ts";
import type { CommandContext, CommandResult } from "../context.ts";
import { openKafkaFor } from "../open_kafka.ts";
import { isOpenEnded, runProduce } from "./produce.ts";
import { summarize } from "./tally.ts";

/** `routes produce`: sends generated or given records to the topic. */
export async function produce(
  options: ProduceOptions,
  context: CommandContext,
): Promise<CommandResult> {
  const { system, reporter, settings: { kafka: { topic } } } = context;
  const { acks, compression, dryRun } = options;
  const connection = dryRun ? null : openKafkaFor(context);
  const sender = connection && await connection.open(
    openSender(connection.kafka, {
      topic,
      acks,
      compression,
      deadlineMs: 120_000,
      signal: system.signal,
    }),
  );
  // A person may type the records: leave no progress line on the terminal.
  reporter.clear();
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
