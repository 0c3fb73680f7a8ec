import { requireFiles } from "../network/certificates.ts";
import { openKafka } from "../kafka/connect.ts";
import { explainKafka } from "../kafka/errors.ts";
import { openTopic } from "../kafka/topic.ts";
import { within } from "../network/sockets.ts";
import { type CommandContext, withExplanation } from "./context.ts";

/** A Kafka client for the settings; connects in openAdmin() or on first use. */
export function openKafkaFor(
  { settings: { kafka: settings }, globals, system, reporter }: CommandContext,
) {
  const broker = settings.brokers.join(", ");
  // Brokers and kafkajs report a wrong key badly or not at all, so the files are checked first.
  if (settings.tls) {
    requireFiles("kafka", settings.tls, system, (line) => reporter.warn(line, "certificate"));
  }
  reporter.wait(`connecting to Kafka at ${broker}`);
  const kafka = openKafka(settings, {
    readFile: system.readFile,
    log: reporter.log,
    timeoutMs: globals.timeoutMs,
  });
  const explain = (error: unknown) => explainKafka(error, settings);
  const open = <T>(work: Promise<T>) =>
    withExplanation(explain, within(globals.timeoutMs, work, { broker }));
  return { kafka, explain, open, openAdmin: () => open(openTopic(kafka, settings.topic)) };
}
