import type { Checked } from "../../cli/parse.ts";
import type { CheckStep, Finding } from "./check.ts";
import type { KafkaSettings } from "../../settings/settings.ts";
import { openKafka } from "../../kafka/connect.ts";
import { explainKafka, isHungUp } from "../../kafka/errors.ts";
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
  checkSteps,
  type Look,
  type Surroundings,
  tellFiles,
  tellReached,
  tellTls,
} from "./steps.ts";

/** A walk to Kafka: what the hops behind left for those to come. */
interface Walk extends Surroundings {
  settings: KafkaSettings;
  tls: NonNullable<KafkaSettings["tls"]>;
  /** The first broker that was reached. */
  seed: string;
  /** Logged in there. */
  probe: Probe | null;
}

/** The hops from the files to the rights on the topic, as far as `command` needs them. */
export function kafkaSteps(
  settings: KafkaSettings,
  command: Checked | null,
  around: Surroundings,
): CheckStep[] {
  const hasTls = settings.tls !== null;
  const walk: Walk = {
    ...around,
    settings,
    tls: settings.tls!,
    seed: settings.brokers[0]!,
    probe: null,
  };
  const looks: Look<Walk>[] = [
    ["files", () => tellFiles("kafka", walk.tls, walk), hasTls],
    ["port", reachBrokers, true],
    ["tls", () => shake(walk, walk.seed), hasTls],
    ["login", logIn, true],
    ["brokers", lookAtBrokers, true],
    ["topic", lookAtTopic, true],
    ["write", askToWrite, command !== "consume", "leaf"],
    ["read", askToRead, command !== "produce", "leaf"],
  ];
  const explain = (error: unknown) => explainKafka(error, settings);
  return checkSteps(looks, { section: "kafka", walk, explain });
}

/** One that answers is enough: the others are told as warnings. */
async function reachBrokers(walk: Walk): Promise<Finding[]> {
  const { settings, timeoutMs } = walk;
  const tries = await Promise.allSettled(
    settings.brokers.map((address) => reachBroker(address, timeoutMs)),
  );
  const first = tries.findIndex(({ status }) => status === "fulfilled");
  if (first === -1) throw (tries[0] as PromiseRejectedResult).reason;
  walk.seed = settings.brokers[first]!;
  return tries.map((tried, i) => {
    const where = `Kafka at ${settings.brokers[i]}`;
    if (tried.status === "fulfilled") return { seen: tellReached(where, tried.value) };
    return { seen: where, warning: explainKafka(tried.reason, settings).message };
  });
}

async function shake({ tls, system, timeoutMs }: Walk, address: string): Promise<Finding> {
  const shaken = await tlsHandshakeWithBroker(address, {
    tls,
    readFile: system.readFile,
    ms: timeoutMs,
  });
  return tellTls(`Kafka at ${address}`, shaken, {
    isNameChecked: tls.checkHostname,
    now: system.now(),
  });
}

async function logIn(walk: Walk): Promise<string> {
  const { settings, seed, system, reporter, timeoutMs, closing } = walk;
  const kafka = openKafka({ ...settings, brokers: [seed] }, {
    readFile: system.readFile,
    log: reporter.log,
    timeoutMs,
  });
  try {
    walk.probe = await within(timeoutMs, openProbe(kafka, settings.topic), { broker: seed });
  } catch (error) {
    if (isHungUp(error)) await askWhy(walk);
    throw error;
  }
  closing.push(walk.probe.close);
  const { sasl, tls } = settings;
  if (sasl) return `Kafka: login of "${sasl.username}" by ${sasl.mechanism.toUpperCase()}`;
  return `Kafka: ${tls?.cert ? "login by certificate" : "open without a login"}`;
}

/** A broker that ends a connection gives no reason; trying it another way may. Fails with what that shows. */
async function askWhy({ settings: { tls }, seed, system, timeoutMs: ms }: Walk): Promise<void> {
  if (tls) await refuseCertificate(seed, { tls, readFile: system.readFile, ms });
  else await refuseTls(seed, ms);
}

async function lookAtBrokers(walk: Walk): Promise<string> {
  const brokers = await walk.probe!.brokers();
  for (const address of brokers.filter((address) => address !== walk.seed)) {
    await reachBroker(address, walk.timeoutMs);
    if (walk.settings.tls) await shake(walk, address);
  }
  return `Kafka: ${formatMany(brokers.length, "broker")}, all within reach`;
}

async function lookAtTopic({ probe, settings: { topic } }: Walk): Promise<string> {
  return `topic "${topic}": ${formatMany(await probe!.partitions(), "partition")}`;
}

async function askToWrite({ probe, settings: { topic } }: Walk): Promise<string> {
  await probe!.mayWrite();
  return `topic "${topic}": right to write`;
}

async function askToRead({ probe, settings: { topic, groupId } }: Walk): Promise<string> {
  await probe!.mayRead();
  await probe!.mayJoin(groupId);
  return `topic "${topic}": right to read, as group "${groupId}"`;
}
