import { requireFiles } from "../credentials.ts";
import { openKafka } from "../kafka/connect.ts";
import { explainKafka } from "../kafka/errors.ts";
import { openLog } from "../kafka/log.ts";
import { type Bench, explained } from "./bench.ts";

/** Kafka as the settings say; connects with openLog(), or when it is first used. */
export function openKafkaFor({ settings: { kafka: settings }, globals, world, talk }: Bench) {
  // Brokers and client answer a wrong key with silence or a riddle, so it is looked at before.
  if (settings.tls) requireFiles("kafka", settings.tls, world, talk.warn);
  talk.step(`connecting to Kafka at ${settings.brokers.join(", ")}`);
  const kafka = openKafka(settings, {
    readFile: world.readFile,
    log: talk.log,
    timeoutMs: globals.timeoutMs,
  });
  const explain = (error: unknown) => explainKafka(error, settings);
  return { kafka, explain, openLog: () => explained(explain, openLog(kafka, settings.topic)) };
}
