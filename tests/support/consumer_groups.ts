import { fetchKafka } from "./kafka.ts";
import { testSettings } from "./fixtures.ts";

/** One line of `kafka-consumer-groups --describe`; `-` is null. */
export interface GroupLine {
  partition: number;
  committed: number | null;
  end: number;
  lag: number | null;
}

/** What Kafka's own tool tells about a group, by partition. */
export async function describeGroup(group: string): Promise<GroupLine[]> {
  const home = await fetchKafka(() => {});
  const { success, stdout, stderr } = await new Deno.Command("java", {
    args: [
      "-cp",
      `${home}/lib/*`,
      "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
      "--bootstrap-server",
      testSettings().kafka.brokers.join(),
      "--describe",
      "--group",
      group,
    ],
  }).output();
  const text = new TextDecoder().decode(stdout);
  if (!success) throw new Error(text + new TextDecoder().decode(stderr));
  const [head, ...rows] = text.split("\n").map((line) => line.trim().split(/\s+/))
    .filter((cells) => cells.includes("PARTITION") || cells[0] === group);
  const number = (text: string | undefined) => text === "-" ? null : Number(text);
  return rows.map((cells) => {
    const cell = (name: string) => number(cells[head!.indexOf(name)]);
    return {
      partition: cell("PARTITION")!,
      committed: cell("CURRENT-OFFSET"),
      end: cell("LOG-END-OFFSET")!,
      lag: cell("LAG"),
    };
  }).sort((a, b) => a.partition - b.partition);
}
