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
  const home = await once(`${cacheDir()}/${PACKAGE.replace("==", "-")}`, async (draft) => {
    await runChild("python3", { args: ["-m", "venv", draft], name: "python3 -m venv" });
    const args = ["-m", "pip", "install", "-q", PACKAGE];
    await runChild(`${draft}/bin/python`, { args, name: "pip" });
  });
  return await startChild(`${home}/bin/python`, {
    args: [`${import.meta.dirname}/librdkafka.py`, bootstrap, topic, group, ...settings],
    ready: /assigned \d/,
    name: "librdkafka",
  });
}
