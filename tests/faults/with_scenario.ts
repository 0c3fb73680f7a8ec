import type { Cluster } from "./cluster.ts";
import { Scenario } from "./scenario.ts";

/** Runs `work` in a new scenario, when that many processes have begun to settle records. */
export async function withScenario(
  cluster: Cluster,
  work: (scenario: Scenario) => Promise<string>,
  {
    processes = 3,
    partitions = 6,
    args = ["--follow"],
    perSecond = 2_000,
    role = "",
    set = {} as Record<string, string>,
    env = {} as Record<string, string>,
  } = {},
): Promise<string> {
  const scenario = await Scenario.open(cluster, { partitions });
  try {
    Object.assign(scenario.settings, set);
    Object.assign(scenario.env, env);
    if (role) {
      await scenario.sql.unsafe(`grant all on schema ${scenario.name} to ${role};
        grant all on all tables in schema ${scenario.name} to ${role};
        grant all on all sequences in schema ${scenario.name} to ${role}`);
      scenario.settings["postgresql.user"] = role;
    }
    await scenario.send(2_000);
    for (let i = 0; i < processes; i++) await scenario.start(args);
    if (perSecond > 0) scenario.feed.stream(perSecond, { partitions: () => scenario.partitions });
    if (processes > 0) {
      await scenario.waitForMembers(processes);
      if (perSecond > 0) await scenario.progress(500);
    }
    return await work(scenario);
  } finally {
    await scenario.close();
  }
}
