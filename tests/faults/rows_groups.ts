import type { Cluster } from "./cluster.ts";
import type { Row } from "./matrix.ts";
import { withGroup } from "../support/group.ts";
import { runTests } from "./rows_environment.ts";
import { type Scenario, SECRET, SESSION_MS } from "./scenario.ts";
import { withScenario } from "./with_scenario.ts";

const GROUPS = "tests/process/groups_test.ts";

/** Faults of the consumer group: members that do other work, or none. */
export const groupRows: Row[] = [
  {
    id: 31,
    fault: "a KIP-848 consumer owns all partitions",
    run: (cluster) => runTests(cluster, GROUPS, "/KIP-848/"),
  },
  {
    id: 32,
    fault: "two processes of one group read two topics",
    run: (cluster) => runTests(cluster, GROUPS, "/two (topics|runs)/"),
  },
  {
    id: 33,
    fault: "a consumer with another assignor owns all partitions",
    run: (cluster) => runTests(cluster, GROUPS, "/range assignor/"),
  },
  { id: 34, fault: "a member that settles nothing keeps its partitions", run: stuckMember },
  { id: 38, fault: "kill -9 of a member: the next run says what it waits for", run: deadMember },
  {
    id: 40,
    fault: "one of four members restarts: with a group_instance_id the others read on",
    run: async (cluster) => {
      const lines = [
        await restartedMember(cluster, "SIGKILL", true),
        await restartedMember(cluster, "SIGTERM", true),
        await restartedMember(cluster, "SIGKILL", false),
      ];
      return lines.join("; ");
    },
  },
  {
    id: 41,
    fault: "a frozen process comes back after another one took its group_instance_id",
    run: replacedMember,
  },
];

/** The next run waits until the session of the dead member is over. Meanwhile it names the reason and the true lag. */
function deadMember(cluster: Cluster): Promise<string> {
  return withScenario(cluster, async (scenario) => {
    const dying = await scenario.start();
    await scenario.catchUp();
    dying.kill("SIGKILL");
    await dying.ended;
    await scenario.send(700);
    const began = performance.now();
    const next = await scenario.start([]);
    const { code } = await next.end(SESSION_MS + 30_000);
    const seconds = (performance.now() - began) / 1000;
    const reason = "waiting for the group to assign partitions; " +
      `a member that died keeps its partitions for ${SESSION_MS / 1000} s`;
    if (code !== 0 || !next.err.includes(reason)) throw new Error(`${code}:\n${next.err}`);
    // A run that is quick with the records ends before it notes the assignment; at its end the lag is 0.
    const [before] = next.err.split(/the group has assigned the partitions after|^read /m);
    if (/lag 0\b/.test(before!)) throw new Error(`a lag of 0 that is not true:\n${next.err}`);
    return `${await scenario.check()}; the next run took ${seconds.toFixed()} s`;
  }, { processes: 0, partitions: 2, perSecond: 0 });
}

const ROLE = "stuck";

/** A run to the end waits for the session timeout and a margin, then names who has the records. */
function stuckMember(cluster: Cluster): Promise<string> {
  return withScenario(cluster, async (scenario) => {
    const { sql, name } = scenario;
    await sql.unsafe(`drop role if exists ${ROLE}; create role ${ROLE} login password '${SECRET}';
      grant usage on schema ${name} to ${ROLE};
      grant all on all tables in schema ${name} to ${ROLE};
      grant all on all sequences in schema ${name} to ${ROLE};
      create function ${name}.wait() returns trigger language plpgsql as $$ begin
        if current_user = '${ROLE}' then perform pg_sleep(3600); end if;
        return new;
      end $$;
      create trigger wait before update on ${name}.routes_sources
        for each row execute function ${name}.wait()`);
    try {
      const stuck = await scenario.start(["--follow"], { set: { "postgresql.user": ROLE } });
      await scenario.waitForMembers(1);
      const began = performance.now();
      const waiting = await scenario.start([]);
      const { code } = await waiting.end(SESSION_MS + 90_000);
      const seconds = (performance.now() - began) / 1000;
      const { err } = waiting;
      const owner =
        /^ {2}partition \d: member routes-\S+ \(127\.0\.0\.1, partition \d\), lag [1-9]/m;
      if (code !== 75 || !owner.test(err)) throw new Error(`ended with ${code}:\n${err}`);
      if (!/waiting: 1 of 2 partitions belong to other members/.test(err)) throw new Error(err);
      stuck.kill("SIGKILL");
      await stuck.ended;
      const last = await scenario.start([]);
      const ended = await last.end(60_000);
      if (ended.code !== 0) throw new Error(`ended with ${ended.code}:\n${last.err}`);
      return `${await scenario.check()}; ended with 75 after ${seconds.toFixed()} s`;
    } finally {
      await sql.unsafe(`drop owned by ${ROLE}; drop role ${ROLE}`);
    }
  }, { processes: 0, partitions: 2, perSecond: 0 });
}

/** A process comes back when another one has its group_instance_id: it ends, and does not take the partitions back. */
function replacedMember(cluster: Cluster): Promise<string> {
  return withScenario(cluster, async (scenario) => {
    scenario.settings["kafka.group_instance_id"] = "a";
    const frozen = await scenario.start();
    await scenario.progress();
    frozen.kill("SIGSTOP");
    const next = await scenario.start();
    await scenario.progress(2_000);
    // Neither of them can rely on what it had on its connections.
    cluster.toKafka.reset();
    frozen.kill("SIGCONT");
    const { code } = await frozen.end(90_000);
    if (code !== 78 || !/another process took over group_instance_id = a /.test(frozen.err)) {
      throw new Error(`ended with ${code}:\n${frozen.err}`);
    }
    await scenario.progress(2_000);
    if (!next.running) throw new Error(`the newer process ended:\n${next.err}`);
    await scenario.feed.stop();
    await scenario.catchUp();
    return await scenario.check();
  }, { processes: 0, partitions: 2 });
}

const IDS = ["a", "b", "c", "d"];

/** Ends one of four members, each with one partition, and starts it again at once. */
function restartedMember(
  cluster: Cluster,
  signal: Deno.Signal,
  isStatic: boolean,
): Promise<string> {
  return withScenario(cluster, async (scenario) => {
    // Longer than a start takes.
    scenario.settings["kafka.session_timeout"] = "20s";
    const begin = (id: string) =>
      scenario.start(["--follow"], { set: isStatic ? { "kafka.group_instance_id": id } : {} });
    const [first] = await Promise.all(IDS.map(begin));
    await scenario.waitForMembers(IDS.length);
    await scenario.progress(2_000);
    const [now] = await scenario.sql`select clock_timestamp() as began`;
    await withGroup(scenario.kafka, scenario.group, async ({ generation }) => {
      const before = await generation();
      first!.kill(signal);
      await first!.ended;
      await begin(IDS[0]!);
      const stopped = await scenario.positions();
      await scenario.wait("records of each partition", async () => {
        return [...await scenario.positions()].every(([p, next]) => next > stopped.get(p)!);
      }, 90_000);
      await scenario.feed.stop();
      await scenario.catchUp();
      if (isStatic && await generation() !== before) throw new Error("the group rebalanced");
    });
    const [own, ...others] = await pauses(scenario, now!.began);
    const [longest] = others;
    return `${await scenario.check()}; ${signal} ${isStatic ? "with" : "without"} ids: ` +
      `its partition stood still for ${own} s, the others for ${longest} s`;
  }, { processes: 0, partitions: IDS.length });
}

/** For how many seconds each partition stood still at most since then, the longest first. */
async function pauses(scenario: Scenario, since: Date): Promise<string[]> {
  const rows = await scenario.sql`
    select max(extract(epoch from at - before))::float as seconds
    from (select source, at, lag(at) over (partition by source order by id) as before
      from ${scenario.table("faults_moves")}) as moves
    where at >= ${since} group by source order by seconds desc`;
  return rows.map(({ seconds }) => seconds.toFixed(1));
}
