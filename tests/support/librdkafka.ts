import { cacheDir, type Child, once, runChild, startChild } from "./child.ts";
import { testSettings } from "./fixtures.ts";

const PACKAGE = "confluent-kafka==2.16.1";

/** Starts a consumer of another program in a group, and waits until it owns partitions. */
export async function startLibrdkafka(
  topic: string,
  group: string,
  settings: string[],
  bootstrap = testSettings().kafka.brokers.join(),
): Promise<Child> {
  return await start("librdkafka.py", [bootstrap, topic, group, ...settings], /assigned \d/);
}

/** Starts a producer of another program, and waits until its first record is acknowledged. */
export async function startLibrdkafkaProducer(
  topic: string,
  perSecond: number,
  bootstrap: string,
): Promise<Child> {
  return await start("librdkafka_producer.py", [bootstrap, topic, `${perSecond}`], /sending/);
}

async function start(script: string, args: string[], ready: RegExp): Promise<Child> {
  const home = await once(`${cacheDir()}/${PACKAGE.replace("==", "-")}`, async (draft) => {
    await runChild("python3", { args: ["-m", "venv", draft], name: "python3 -m venv" });
    const args = ["-m", "pip", "install", "-q", PACKAGE];
    await runChild(`${draft}/bin/python`, { args, name: "pip" });
  });
  return await startChild(`${home}/bin/python`, {
    args: [`${import.meta.dirname}/${script}`, ...args],
    ready,
    name: "librdkafka",
  });
}
