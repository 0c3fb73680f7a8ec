import { assertEquals } from "@std/assert";
import { describeWait, type Outage, Waits } from "../../../src/commands/consume/waits.ts";

/** Waits with a state to change; records wait from second 0 on. */
function open() {
  const state = {
    isAssigned: true,
    isOwnSettled: false,
    isSettling: false,
    topicPartitions: 3,
    elsewhere: new Map<number, { position: number; lag: number }>(),
    waitingMs: 0,
    outage: null as Outage | null,
    ms: 0,
  };
  const notes: string[] = [];
  const waits = new Waits({
    progress: state,
    stats: state,
    backoff: state,
    sessionTimeoutMs: 45_000,
    reporter: { note: (line, event) => void notes.push(`${event}: ${line}`) },
    clock: () => state.ms,
  });
  /** Lets time pass without anything being settled. */
  const pass = (ms: number) => {
    for (let left = ms; left > 0; left -= 250) {
      state.ms += 250;
      state.waitingMs += 250;
      waits.update();
    }
  };
  /** A record is settled. */
  const settle = () => {
    state.waitingMs = 0;
    waits.update();
  };
  return { state, waits, notes, pass, settle };
}

Deno.test("a wait of less than two seconds is not mentioned", () => {
  const { waits, notes, pass, settle } = open();
  pass(1_750);
  settle();
  assertEquals([waits.current, notes], [null, []]);
});

Deno.test("a run without partitions waits for the group, and says when it has them", () => {
  const { state, waits, notes, pass, settle } = open();
  state.isAssigned = false;
  pass(30_000);
  assertEquals(waits.current?.since, 0);
  state.isAssigned = true;
  pass(1_000);
  settle();
  assertEquals(notes, [
    "waiting: waiting for the group to assign partitions; " +
    "a member that died keeps its partitions for 45 s",
    "resumed: the group has assigned the partitions after 0:31",
  ]);
});

Deno.test("a statement that does not end and records that do not come are told apart", () => {
  const { state, notes, pass, settle } = open();
  state.isSettling = true;
  pass(5_000);
  settle();
  state.isSettling = false;
  pass(5_000);
  settle();
  assertEquals(notes, [
    "waiting: waiting for PostgreSQL to finish a statement",
    "resumed: PostgreSQL is back after 0:05",
    "waiting: waiting for Kafka to deliver records",
    "resumed: Kafka delivers records again after 0:05",
  ]);
});

Deno.test("a service that does not answer is named with what it answered, until records are settled", () => {
  for (const [service, name] of [["kafka", "Kafka"], ["postgresql", "PostgreSQL"]] as const) {
    const { waits, notes, pass, settle } = open();
    waits.asked(service, "no answer in time");
    pass(20_000);
    assertEquals(waits.silentMs(service), 20_000);
    assertEquals(
      describeWait(waits.current!, 20_000),
      `waiting for ${name}: no answer in time (0:20)`,
    );
    waits.asked(service, null);
    assertEquals(waits.silentMs(service), 0);
    settle();
    assertEquals(notes, [
      `waiting: waiting for ${name}: no answer in time`,
      `resumed: ${name} is back after 0:20`,
    ]);
  }
});

Deno.test("a failure that was noted where it happened is not noted again, but its end is", () => {
  const { state, waits, notes, pass, settle } = open();
  state.isAssigned = false;
  waits.membershipEnded("no leader");
  pass(4_000);
  waits.membershipEnded("no broker");
  pass(4_000);
  assertEquals(waits.current, { reason: "kafka", text: "Kafka: no broker", since: 0 });
  state.outage = { since: 8_000, why: "shutting down" };
  pass(4_000);
  assertEquals(waits.current, {
    reason: "postgresql",
    text: "PostgreSQL: shutting down",
    since: 8_000,
  });
  state.outage = null;
  settle();
  assertEquals(notes, ["resumed: PostgreSQL is back after 0:04"]);
});

Deno.test("a wait that another one replaces is not called over", () => {
  const { state, waits, notes, pass } = open();
  pass(3_000);
  waits.asked("kafka", "no answer in time");
  pass(1_000);
  state.isOwnSettled = true;
  state.elsewhere.set(2, { position: 0, lag: 5 });
  waits.asked("kafka", null);
  pass(1_000);
  assertEquals(waits.current?.text, "other members, which own 1 of 3 partitions");
  assertEquals(notes, [
    "waiting: waiting for Kafka to deliver records",
    "waiting: waiting for Kafka: no answer in time",
  ]);
});
