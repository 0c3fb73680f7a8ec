import { OperationalError } from "../../errors.ts";
import type { Topic } from "../../kafka/topic.ts";
import type { Reporter } from "../../terminal/reporter.ts";
import { formatCount, formatMany } from "../../units.ts";
import { describeMember } from "../group_members.ts";

/** What taking over from a group depends on. */
interface FromGroupDeps {
  topic: string;
  kafka: Pick<Topic, "committed" | "members">;
  reporter: Pick<Reporter, "note">;
}

/**
 * The offsets that another group has committed, by partition, to begin there. Throws if it has committed none, or if it
 * still has members, which would go on after those offsets; `yes` accepts that.
 */
export async function startOfGroup(
  name: string,
  yes: boolean,
  { topic, kafka, reporter }: FromGroupDeps,
): Promise<Map<number, number>> {
  const members = await kafka.members(name);
  if (members.length > 0 && !yes) {
    throw new OperationalError(
      "unavailable",
      `group "${name}" still has ${formatMany(members.length, "member")}`,
      {
        reason: members.map(describeMember),
        hint:
          "stop that program, then run this again; --yes begins at what it has committed so far",
      },
    );
  }
  const committed = await kafka.committed(name);
  if (committed.size === 0) {
    throw new OperationalError(
      "unavailable",
      `group "${name}" has committed no offset of topic "${topic}"`,
      { hint: "correct the name of the group; --from earliest begins at the first record" },
    );
  }
  const places = [...committed].sort(([a], [b]) => a - b)
    .map(([partition, offset]) => `partition ${partition} at ${formatCount(offset)}`);
  reporter.note(`group "${name}" has committed ${places.join(", ")}: reading from there`);
  return committed;
}
