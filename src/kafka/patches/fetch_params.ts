/** What kafkajs asks for. */
export interface FetchParams {
  maxWaitTime: number;
  minBytes: number;
  maxBytes: number;
  topics: TopicParams[];
}

/** The partitions of one topic. */
export interface TopicParams {
  topic: string;
  partitions: { partition: number; fetchOffset: string; maxBytes: number }[];
}

/** Unpacked bytes of one response, shared by its partitions; two responses are in memory at a time. */
const UNPACKED_MAX = 33_554_432;

/** Few partitions share the bytes of the whole response; many have what they ask for, which the broker cuts at the whole. */
export function sharedOut(params: FetchParams): FetchParams {
  const all = params.topics.reduce((sum, { partitions }) => sum + partitions.length, 0);
  const least = Math.floor(params.maxBytes / Math.max(all, 1));
  return {
    ...params,
    topics: params.topics.map(({ topic, partitions }) => ({
      topic,
      partitions: partitions.map((one) => ({ ...one, maxBytes: Math.max(one.maxBytes, least) })),
    })),
  };
}

/** The unpacked bytes of each partition in one response. */
export function share({ topics }: FetchParams): number {
  return UNPACKED_MAX / topics.reduce((sum, { partitions }) => sum + partitions.length, 0);
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
