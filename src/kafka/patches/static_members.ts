// Modules of kafkajs that its index does not export. Written out because an import map given by --import-map does not
// reach into packages; the version is that of deno.json.
// deno-lint-ignore no-import-prefix
import heartbeat from "npm:kafkajs@2.2.4/src/protocol/requests/heartbeat/index.js";
// deno-lint-ignore no-import-prefix
import joinGroup from "npm:kafkajs@2.2.4/src/protocol/requests/joinGroup/index.js";
// deno-lint-ignore no-import-prefix
import syncGroup from "npm:kafkajs@2.2.4/src/protocol/requests/syncGroup/index.js";
import { OperationalError } from "../../errors.ts";

interface GroupApi {
  protocol(of: { version: number }): (params: { groupId: string }) => object;
}

/** The requests of a member, and the first version of each that has a place for its instance id. */
const requests =
  ([[joinGroup, 5], [syncGroup, 3], [heartbeat, 3]] as unknown as [GroupApi, number][])
    .map(([api, since]) => ({ api, since, protocol: api.protocol }));
/** By group, the instance id of this process. */
const instanceIds = new Map<string, string>();

/** Joins the group as a static member from now on (null: as one that the group forgets when it leaves). */
export function joinAs(groupId: string, instanceId: string | null): void {
  if (instanceId === null) instanceIds.delete(groupId);
  else instanceIds.set(groupId, instanceId);
}

/** The instance id of this process in the group; null if it has none. */
export function instanceIdIn(groupId: string): string | null {
  return instanceIds.get(groupId) ?? null;
}

/**
 * Extends protocol() of kafkajs src/protocol/requests/{joinGroup,syncGroup,heartbeat}/index.js: the requests can carry an
 * instance id, but no consumer of kafkajs gives them one. Test: tests/kafka/patches/static_members_test.ts.
 */
export function sendInstanceIds(): void {
  for (const { api, since, protocol } of requests) {
    api.protocol = ({ version }) => (params) => {
      const groupInstanceId = instanceIdIn(params.groupId);
      if (groupInstanceId === null) return protocol({ version })(params);
      if (version < since) throw tooOld();
      return protocol({ version })({ ...params, groupInstanceId } as typeof params);
    };
  }
}

function tooOld(): OperationalError {
  return new OperationalError("settings", "the Kafka brokers do not know group_instance_id", {
    reason: "it needs Kafka 2.3 or newer",
    hint: "remove [kafka] group_instance_id",
  });
}
