import { assertEquals } from "@std/assert";
import { isHungUp } from "../../src/kafka/causes.ts";
import { explainKafka } from "../../src/kafka/errors.ts";
import type { OperationalError } from "../../src/errors.ts";
import { testSettings } from "../support/fixtures.ts";

const { kafka } = testSettings(["kafka.bootstrap_servers=broker:9093"]);

/** As kafkajs throws it: wrapped in one that has given up. */
function thrown(name: string, message: string, code?: string): Error {
  const cause = Object.assign(new Error(message), { name, ...(code && { code }) });
  return Object.assign(new Error(message, { cause }), { name: "KafkaJSNonRetriableError" });
}

const hangUps: [when: string, error: Error][] = [
  ["while it was asked", thrown("KafkaJSConnectionClosedError", "Closed connection")],
  ["before it was asked", thrown("KafkaJSConnectionError", "Not connected")],
  ["by a reset", thrown("KafkaJSConnectionError", "Connection error: reset", "ECONNRESET")],
];

for (const [when, error] of hangUps) {
  Deno.test(`a broker that ended the connection ${when} may ask for TLS or a login`, () => {
    const { kind, message } = explainKafka(error, kafka) as OperationalError;
    const asked = "it may ask for TLS or a login";
    assertEquals(message, `Kafka at broker:9093 ended the connection: ${asked}`);
    assertEquals([kind, isHungUp(error)], ["unavailable", true]);
  });
}

Deno.test("a broker that refused the connection did not end one", () => {
  const error = thrown("KafkaJSConnectionError", "Connection error: refused", "ECONNREFUSED");
  assertEquals(isHungUp(error), false);
  assertEquals((explainKafka(error, kafka) as OperationalError).kind, "unavailable");
});

Deno.test("an unreachable advertised address is reported as the broker's setting", () => {
  const error = Object.assign(thrown("KafkaJSConnectionError", "getaddrinfo", "ENOTFOUND"), {
    broker: "kafka:9092",
  });
  const { message, reason, hint: fix } = explainKafka(error, kafka) as OperationalError;
  assertEquals(message, "cannot reach Kafka at kafka:9092: the name is not known");
  assertEquals(reason, ["the broker advertises this address; the settings name broker:9093"]);
  assertEquals(fix, [
    "correct advertised.listeners of the broker, or open the way to that address",
  ]);
});

Deno.test("a failed topic creation reports the broker's reason", () => {
  const refused = Object.assign(new Error("Replication-factor is invalid"), {
    name: "KafkaJSCreateTopicError",
    type: "INVALID_REPLICATION_FACTOR",
  });
  const error = Object.assign(new Error("Topic creation errors"), {
    name: "KafkaJSAggregateError",
    errors: [refused],
  });
  const { kind, reason, hint: fix } = explainKafka(error, kafka) as OperationalError;
  assertEquals([kind, reason], ["settings", ["the broker answered INVALID_REPLICATION_FACTOR"]]);
  assertEquals(fix, ["ask for less with --replication, or start more brokers"]);
});
