// A module of kafkajs that its index does not export. Written out because an import map given by --import-map does not
// reach into packages; the version is that of deno.json.
// deno-lint-ignore no-import-prefix
import OffsetManager from "npm:kafkajs@2.2.4/src/consumer/offsetManager/index.js";

interface Offsets {
  autoCommit: boolean;
  memberAssignment: Record<string, number[]>;
  seek(to: { topic: string; partition: number; offset: string }): Promise<void>;
  committedOffsets(): Record<string, Record<number, string>>;
}

const { seek } = OffsetManager.prototype as Offsets;

/**
 * Replaces seek() of kafkajs src/consumer/offsetManager/index.js: kafkajs asks for the committed offset of each partition before
 * its first fetch, also when it was told where to read and the answer is not used. Test: tests/kafka/patches/upstream_test.ts.
 */
export function trustSeeks(): void {
  (OffsetManager.prototype as Offsets).seek = async function (to) {
    await seek.call(this, to);
    const { topic, partition, offset } = to;
    if (this.autoCommit || !this.memberAssignment[topic]?.includes(partition)) return;
    this.committedOffsets()[topic]![partition] ??= offset;
  };
}
