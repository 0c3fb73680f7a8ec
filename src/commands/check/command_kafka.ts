import type { Checked } from "../../cli/parse.ts";
import type { CheckStep } from "./check.ts";
import type { Finding } from "../../network/certificates.ts";
import type { KafkaSettings } from "../../settings/settings.ts";
import { openKafka } from "../../kafka/connect.ts";
import { isHungUp } from "../../kafka/causes.ts";
import { explainKafka } from "../../kafka/errors.ts";
import {
  openProbe,
  type Probe,
  reachBroker,
  refuseCertificate,
  refuseTls,
  tlsHandshakeWithBroker,
} from "../../kafka/probe.ts";
import { within } from "../../network/sockets.ts";
import { formatMany } from "../../units.ts";
import {
  type CheckContext,
  checkFiles,
  checkSteps,
  describeCertificate,
  describePort,
  type StepDefinition,
} from "./steps.ts";

/** State of the Kafka checks: what earlier steps leave for later ones. */
interface KafkaProbeState extends CheckContext {
  settings: KafkaSettings;
  tls: NonNullable<KafkaSettings["tls"]>;
  /** The first broker that accepted a connection. */
  seed: string;
  /** Null until the login step has run. */
  probe: Probe | null;
}

/** The steps from the files to the permissions on the topic that `command` needs. */
export function kafkaSteps(
  settings: KafkaSettings,
  command: Checked | null,
  context: CheckContext,
): CheckStep[] {
  const hasTls = settings.tls !== null;
  const state: KafkaProbeState = {
    ...context,
    settings,
    tls: settings.tls!,
    seed: settings.brokers[0]!,
    probe: null,
  };
  const definitions: StepDefinition<KafkaProbeState>[] = [
    [
      "files",
      "certificates and key for Kafka",
      () => checkFiles("kafka", state.tls, state),
      hasTls,
    ],
    ["port", "port of Kafka", reachBrokers, true],
    ["tls", "TLS of Kafka", () => checkTls(state, state.seed), hasTls],
    ["login", "login to Kafka", logIn, true],
    ["brokers", "brokers", checkBrokers, true],
    ["topic", "topic", checkTopic, true],
    ["write", "write permission", checkWrite, command !== "consume", "leaf"],
    ["read", "read permission", checkRead, command !== "produce", "leaf"],
  ];
  const explain = (error: unknown) => explainKafka(error, settings);
  return checkSteps(definitions, { section: "kafka", state, explain });
}

/** One reachable broker is enough: each other failure is a warning. */
async function reachBrokers(state: KafkaProbeState): Promise<Finding[]> {
  const { settings, timeoutMs } = state;
  const tries = await Promise.allSettled(
    settings.brokers.map((address) => reachBroker(address, timeoutMs)),
  );
  const first = tries.findIndex(({ status }) => status === "fulfilled");
  if (first === -1) throw (tries[0] as PromiseRejectedResult).reason;
  state.seed = settings.brokers[first]!;
  return tries.map((tried, i) => {
    const where = `Kafka at ${settings.brokers[i]}`;
    if (tried.status === "fulfilled") return { seen: describePort(where, tried.value) };
    return { seen: where, warning: explainKafka(tried.reason, settings).message };
  });
}

async function checkTls(state: KafkaProbeState, address: string): Promise<Finding> {
  const { tls, system: { readFile, now }, timeoutMs: ms } = state;
  const handshake = await tlsHandshakeWithBroker(address, { tls, readFile, ms });
  const isNameChecked = tls.checkHostname;
  return describeCertificate(`Kafka at ${address}`, handshake, { isNameChecked, now: now() });
}

async function logIn(state: KafkaProbeState): Promise<string> {
  const { settings, seed, system, reporter, timeoutMs, cleanups } = state;
  const kafka = openKafka({ ...settings, brokers: [seed] }, {
    readFile: system.readFile,
    log: reporter.log,
    timeoutMs,
  });
  try {
    state.probe = await within(timeoutMs, openProbe(kafka, settings.topic), { broker: seed });
  } catch (error) {
    if (isHungUp(error)) await explainDisconnect(state);
    throw error;
  }
  cleanups.push(state.probe.close);
  const { sasl, tls } = settings;
  if (sasl) return `Kafka: logged in as "${sasl.username}" with ${sasl.mechanism.toUpperCase()}`;
  return `Kafka: ${tls?.cert ? "logged in with a certificate" : "no login required"}`;
}

/** A broker ends a connection without a reason: looks for one (rejected certificate, TLS port) and throws it. */
async function explainDisconnect(state: KafkaProbeState): Promise<void> {
  const { settings: { tls }, seed, system, timeoutMs: ms } = state;
  if (tls) await refuseCertificate(seed, { tls, readFile: system.readFile, ms });
  else await refuseTls(seed, ms);
}

async function checkBrokers(state: KafkaProbeState): Promise<string> {
  const brokers = await state.probe!.brokers();
  for (const address of brokers.filter((address) => address !== state.seed)) {
    await reachBroker(address, state.timeoutMs);
    if (state.settings.tls) await checkTls(state, address);
  }
  return `Kafka: ${formatMany(brokers.length, "broker")}, all reachable`;
}

async function checkTopic({ probe, settings: { topic } }: KafkaProbeState): Promise<string> {
  return `topic "${topic}": ${formatMany(await probe!.partitions(), "partition")}`;
}

async function checkWrite({ probe, settings: { topic } }: KafkaProbeState): Promise<string> {
  await probe!.mayWrite();
  return `topic "${topic}": write permission granted`;
}

async function checkRead({ probe, settings }: KafkaProbeState): Promise<string> {
  const { topic, groupId } = settings;
  await probe!.mayRead();
  await probe!.mayJoin(groupId);
  return `topic "${topic}": read permission granted, as group "${groupId}"`;
}
