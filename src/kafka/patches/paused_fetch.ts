// A module of kafkajs that its index does not export. Written out because an import map given by --import-map does not
// reach into packages; the version is that of deno.json.
// deno-lint-ignore no-import-prefix
import ConsumerGroup from "npm:kafkajs@2.2.4/src/consumer/consumerGroup.js";

interface Group {
  maxWaitTime: number;
  /** Where to read from next, by partition. */
  seekOffset: Map<string, unknown>;
  fetch(nodeId: number): Promise<unknown[]>;
  resume(topicPartitions: object[]): void;
  getActiveTopicPartitions(): Record<string, Set<number>>;
}

const { fetch, resume } = ConsumerGroup.prototype as Group;
/** By group, what wakes the fetches that wait for a partition. */
const sleeping = new WeakMap<Group, Set<() => void>>();

/**
 * Replaces fetch() and resume() of kafkajs src/consumer/consumerGroup.js: while every partition is paused, kafkajs sleeps as
 * long as a broker may hold back a fetch, even when a partition is resumed in the meantime. Each join would cost this time.
 * Test: tests/kafka/patches/paused_fetch_test.ts.
 */
export function fetchWhenResumed(): void {
  const group = ConsumerGroup.prototype as Group;
  group.fetch = async function (nodeId) {
    const active = Object.values(this.getActiveTopicPartitions());
    // kafkajs does what seek() asked for in a fetch, and setOffsets() pauses everything before it seeks.
    const hasWork = this.seekOffset.size > 0 || active.some(({ size }) => size > 0);
    if (hasWork) return await fetch.call(this, nodeId);
    const wakers = sleeping.get(this) ?? new Set();
    sleeping.set(this, wakers);
    await new Promise<void>((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        wakers.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, this.maxWaitTime);
      wakers.add(wake);
    });
    // kafkajs sends a heartbeat after a fetch without records.
    return [];
  };
  group.resume = function (topicPartitions) {
    resume.call(this, topicPartitions);
    sleeping.get(this)?.forEach((wake) => wake());
  };
}
