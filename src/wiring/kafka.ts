import { requireFiles } from "../credentials.ts";
import { openKafka } from "../kafka/connect.ts";
import { explainKafka } from "../kafka/errors.ts";
import { openLog } from "../kafka/log.ts";
import { within } from "../reach.ts";
import { type Bench, explained } from "./bench.ts";

/** Kafka as the settings say; connects with openLog(), or when it is first used. */
export function openKafkaFor({ settings: { kafka: settings }, globals, world, talk }: Bench) {
  const broker = settings.brokers.join(", ");
  // Brokers and client answer a wrong key with silence or a riddle, so it is looked at before.
  if (settings.tls) requireFiles("kafka", settings.tls, world, talk.warn);
  talk.wait(`connecting to Kafka at ${broker}`);
  const kafka = openKafka(settings, {
    readFile: world.readFile,
    log: talk.log,
    timeoutMs: globals.timeoutMs,
  });
  const explain = (error: unknown) => explainKafka(error, settings);
  const open = <T>(work: Promise<T>) =>
    explained(explain, within(globals.timeoutMs, work, { broker }));
  return { kafka, explain, open, openLog: () => open(openLog(kafka, settings.topic)) };
}
