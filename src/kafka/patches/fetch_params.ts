/** What kafkajs asks for. */
export interface FetchParams {
  maxWaitTime: number;
  minBytes: number;
  maxBytes: number;
  /** Absent where the leader is asked in any case. */
  rackId?: string;
  topics: TopicParams[];
}

/** The partitions of one topic. */
export interface TopicParams {
  topic: string;
  partitions: { partition: number; fetchOffset: string; maxBytes: number }[];
}

/**
 * Few partitions share the bytes of the whole response; many have what they ask for, which the broker cuts at the whole.
 * They begin with another partition each time, because the broker fills the response in this order.
 */
export function sharedOut(params: FetchParams, random = Math.random): FetchParams {
  const all = params.topics.reduce((sum, { partitions }) => sum + partitions.length, 0);
  const least = Math.floor(params.maxBytes / Math.max(all, 1));
  return {
    ...params,
    topics: params.topics.map(({ topic, partitions }) => {
      const first = Math.floor(random() * partitions.length);
      return {
        topic,
        partitions: [...partitions.slice(first), ...partitions.slice(0, first)]
          .map((one) => ({ ...one, maxBytes: Math.max(one.maxBytes, least) })),
      };
    }),
  };
}

/** Where a partition was to be read from. */
export function requested(
  { topics }: FetchParams,
  name: string,
  partition: number,
): { from: number } {
  const topic = topics.find(({ topic }) => topic === name);
  const one = topic?.partitions.find((one) => one.partition === partition);
  return { from: Number(one?.fetchOffset ?? 0) };
}
