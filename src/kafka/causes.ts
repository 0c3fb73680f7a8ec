/** Whether the broker closed the connection without an answer. */
export function isHungUp(error: unknown): boolean {
  return causes(error).some(isHangUp);
}

/** Whether this error says that the connection was closed. */
export function isHangUp({ name, code, message }: Cause): boolean {
  // kafkajs says "Not connected" when the connection was closed before the request.
  return name === "KafkaJSConnectionClosedError" ||
    (name === "KafkaJSConnectionError" && message === "Not connected") ||
    ["ERR_STREAM_WRITE_AFTER_END", "ECONNRESET", "EPIPE"].includes(String(code));
}

/** The fields that kafkajs adds to an error. */
export interface Cause {
  name: string;
  message: string;
  /** The broker's error code by name, such as NOT_LEADER_FOR_PARTITION. */
  type?: string;
  retriable?: boolean;
  code?: string | number;
  /** `host:port` of the broker. */
  broker?: string;
}

/** An error and the errors it wraps, the root cause last. */
export function causes(error: unknown): Cause[] {
  const chain: Cause[] = [];
  for (let at = error; at instanceof Error && chain.length < 10;) {
    chain.push(at as Cause);
    // createTopics() reports the failures of all topics in one AggregateError.
    at = at.cause ?? (at as AggregateError).errors?.[0];
  }
  return chain;
}

const UNLED = ["NOT_LEADER_FOR_PARTITION", "LEADER_NOT_AVAILABLE", "UNKNOWN_TOPIC_OR_PARTITION"];

/** Whether a broker rejected a request because it is not the leader of the partition. */
export function isUnled(error: unknown): boolean {
  return causes(error).some(({ type }) => UNLED.includes(type ?? ""));
}
