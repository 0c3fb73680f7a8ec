import { place, type Range, type Spec } from "../../record/offsets.ts";
import type { Topic } from "../../kafka/topic.ts";

/** The offset that `spec` means in each partition. */
export async function resolveOffsets(
  spec: Spec,
  ranges: Map<number, Range>,
  kafka: Pick<Topic, "offsetsAt">,
): Promise<Map<number, number>> {
  const times = spec.at === "time" ? await kafka.offsetsAt(spec.ms) : null;
  return new Map([...ranges].map(([partition, range]) => {
    return [partition, place(spec, range, times?.get(partition))];
  }));
}
