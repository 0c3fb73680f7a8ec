import { describeProgress, runProduce, summarize } from "./produce.ts";
import { openSender } from "../../kafka/sender.ts";
import { Rate } from "../../units.ts";
import { type CommandContext, type CommandResult, type Options, sleep } from "../context.ts";
import { openKafkaFor } from "../open_kafka.ts";

/** `routes produce`: sends generated or given records to the topic. */
export async function produce(
  options: Options<"produce">,
  context: CommandContext,
): Promise<CommandResult> {
  const { system, reporter, settings: { kafka: settings } } = context;
  const connection = options.dryRun ? null : openKafkaFor(context);
  const sender = connection && await connection.open(
    openSender(connection.kafka, {
      ...options,
      ...settings,
      deadlineMs: 120_000,
      signal: system.signal,
    }),
  );
  // A person may type the records: leave no progress line on the terminal.
  reporter.clear();
  const rate = new Rate();
  try {
    const { tally, failure } = await runProduce(options, {
      ...system,
      topic: settings.topic,
      sender,
      out: system.stdout.write,
      progress: (tally) => {
        const perSecond = rate.at(tally.seconds * 1000, tally.acked);
        reporter.progress(describeProgress(tally, options, perSecond));
      },
      sleep,
      drawSeed: system.random,
    });
    reporter.note(summarize(tally, { dry: options.dryRun }));
    const { count, durationMs, stdin } = options;
    return { summary: tally, failure, openEnded: count === null && durationMs === null && !stdin };
  } finally {
    await sender?.close();
  }
}
