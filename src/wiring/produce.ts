import { describeProgress, runProduce, summarize } from "../commands/produce.ts";
import { openSender } from "../kafka/produce.ts";
import { Rate } from "../rate.ts";
import { type Bench, type Done, type Options, sleep } from "./bench.ts";
import { openKafkaFor } from "./kafka.ts";

/** `routes produce`: the topic is the sink. */
export async function produce(options: Options<"produce">, bench: Bench): Promise<Done> {
  const { world, talk, settings: { kafka: settings } } = bench;
  const connection = options.dryRun ? null : openKafkaFor(bench);
  const sender = connection && await connection.open(
    openSender(connection.kafka, {
      ...options,
      ...settings,
      deadlineMs: 120_000,
      signal: world.signal,
    }),
  );
  // What comes next may be a person who types records.
  talk.clear();
  const rate = new Rate();
  try {
    const { tally, failure } = await runProduce(options, {
      ...world,
      topic: settings.topic,
      sender,
      out: world.stdout.write,
      progress: (tally) => {
        const perSecond = rate.at(tally.seconds * 1000, tally.acked);
        talk.progress(describeProgress(tally, options, perSecond));
      },
      sleep,
      drawSeed: world.random,
    });
    talk.note(summarize(tally, { dry: options.dryRun }));
    const { count, durationMs, stdin } = options;
    return { summary: tally, failure, openEnded: count === null && durationMs === null && !stdin };
  } finally {
    await sender?.close();
  }
}
