import { place, type Range, type Spec } from "../../record/offsets.ts";
import type { Topic } from "../../kafka/topic.ts";

/** The offsets of a consumer group, by partition. */
export interface GroupOffsets {
  at: "committed";
  offsets: Map<number, number>;
}

/** The offset that `spec` means in each partition. */
export async function resolveOffsets(
  spec: Spec | GroupOffsets,
  ranges: Map<number, Range>,
  kafka: Pick<Topic, "offsetsAt">,
): Promise<Map<number, number>> {
  if (spec.at === "committed") {
    // Not moved into the log: records that were deleted before they were read are a loss.
    return new Map([...ranges].map(([p, { low }]) => [p, spec.offsets.get(p) ?? low]));
  }
  const times = spec.at === "time" ? await kafka.offsetsAt(spec.ms) : null;
  return new Map([...ranges].map(([partition, range]) => {
    return [partition, place(spec, range, times?.get(partition))];
  }));
}
