import { fullMessage, OperationalError } from "../../errors.ts";
import type { Member } from "../../kafka/group.ts";
import { formatClock, formatCount, formatMany } from "../../units.ts";
import {
  conflictFailure,
  conflictOf,
  describeMember,
  partitionsOf,
  yieldsTo,
} from "../group_members.ts";
import type { Run } from "./consume.ts";
import type { Unsettled } from "./progress.ts";

/** After its session timeout a dead member loses its partitions; then the others need time to read. */
const MARGIN_MS = 30_000;
const WARN_EVERY_MS = 60_000;
const ADMISSION_MS = 2_000;

/** Watches the other members of the group: whether they share the work, and whether they make progress. */
export class Owners {
  readonly #run: Pick<Run, "options" | "deps" | "progress" | "done">;
  /** Why the run had to end. */
  failure: OperationalError | null = null;
  /** Whether other members keep this process from settling the whole topic. */
  isBlocked = false;
  /** Whether this process has to leave the group to a member that does other work. */
  mustLeave = false;
  /** Whether everything that is left to do belongs to other members. */
  isWaiting = false;
  /** The members of the group as last seen. */
  members: Member[] = [];
  /** Where the partitions of others were when that last changed, and when that was. */
  #last = { positions: "", at: 0 };
  #hasNoted = false;
  #warned = { since: 0, at: -Infinity };

  constructor(run: Pick<Run, "options" | "deps" | "progress" | "done">) {
    this.#run = run;
  }

  /** Returns when no member does other work; a run with an end throws instead of waiting for that. */
  async admit(): Promise<void> {
    const { options, deps: { claim, system }, done } = this.#run;
    this.mustLeave = false;
    while (!done.signal.aborted) {
      const conflicts = this.#conflicts(await this.#members() ?? []);
      this.isBlocked = conflicts.length > 0;
      if (!this.isBlocked) return;
      const failure = conflictFailure(conflicts, claim);
      if (!options.follow) throw failure;
      this.#warn(failure);
      await system.sleep(ADMISSION_MS, done.signal);
    }
  }

  /** Looks at the group once: ends a run that cannot reach its end, and warns in a run without one. */
  async look(): Promise<void> {
    const { deps: { claim, sessionTimeoutMs }, options, progress } = this.#run;
    const members = await this.#members();
    // Nothing can be said about members that are not known.
    if (members === null) return this.#restart();
    // Before there is an assignment, admit() looks for conflicts.
    const conflicts = progress.isAssigned ? this.#conflicts(members) : [];
    const stalledMs = this.#stalledMs();
    this.#noteWaiting(members);
    const isStalled = stalledMs > sessionTimeoutMs + MARGIN_MS;
    if (progress.isAssigned) this.isBlocked = conflicts.length > 0 || isStalled;
    if (conflicts.length > 0) {
      this.mustLeave = conflicts.some((member) => yieldsTo(member, claim));
      this.#report(conflictFailure(conflicts, claim));
    } else if (isStalled && (options.follow || this.isWaiting)) {
      this.#report(stalledFailure(members, progress.elsewhere, stalledMs));
    }
  }

  async #members(): Promise<Member[] | null> {
    const members = await this.#run.deps.kafka.members().catch(() => null);
    if (members) this.members = members;
    return members;
  }

  #conflicts(members: Member[]): Member[] {
    return members.filter((member) => conflictOf(member, this.#run.deps.claim) !== null);
  }

  /** For how long no position of another member has changed although records wait there. */
  #stalledMs(): number {
    const { deps: { system }, progress } = this.#run;
    const { elsewhere } = progress;
    this.isWaiting = elsewhere.size > 0 && progress.isOwnSettled;
    const positions = JSON.stringify([...elsewhere].map(([p, { position }]) => [p, position]));
    if (elsewhere.size === 0 || positions !== this.#last.positions) this.#restart(positions);
    return system.clock() - this.#last.at;
  }

  /** A run with an end says once why it goes on although it has nothing to do. */
  #noteWaiting(members: Member[]): void {
    const { deps: { reporter }, options, progress } = this.#run;
    const waits = this.isWaiting && progress.isAssigned && !options.follow;
    if (waits && !this.#hasNoted) {
      const waiting = [...progress.elsewhere].filter(([partition]) => ownerOf(members, partition));
      if (waiting.length === 0) return;
      const lag = waiting.reduce((sum, [, { lag }]) => sum + lag, 0);
      reporter.note(
        `waiting: ${waiting.length} of ${
          formatMany(progress.topicPartitions ?? waiting.length, "partition")
        } belong to other ` +
          `members, lag ${formatCount(lag)}`,
        "waiting",
      );
    }
    this.#hasNoted = waits;
  }

  #restart(positions = ""): void {
    this.#last = { positions, at: this.#run.deps.system.clock() };
  }

  #report(failure: OperationalError): void {
    if (this.#run.options.follow) return this.#warn(failure);
    this.failure = failure;
    this.#run.done.abort();
  }

  /** Warns at once, and again once a minute. */
  #warn(failure: OperationalError): void {
    const { deps: { reporter, system } } = this.#run;
    const now = system.clock();
    const ms = now - this.#warned.at;
    if (ms < WARN_EVERY_MS) return;
    const isNew = ms > 2 * WARN_EVERY_MS;
    this.#warned = { at: now, since: isNew ? now : this.#warned.since };
    const age = isNew ? "" : ` (for ${formatClock(now - this.#warned.since)})`;
    reporter.warn(`${fullMessage(failure)}${age}; ${failure.hint.join("; ")}`, "foreign_members");
  }
}

function ownerOf(members: Member[], partition: number): Member | undefined {
  return members.find(({ partitions }) => partitions.includes(partition));
}

/** The failure when other members settle nothing; `unsettled`: their partitions. */
function stalledFailure(
  members: Member[],
  unsettled: Map<number, Unsettled>,
  ms: number,
): OperationalError {
  const where = partitionsOf([...unsettled.keys()]);
  return new OperationalError(
    "temporary",
    `${where}: other members have settled nothing for ${Math.round(ms / 1000)} s`,
    {
      reason: [...unsettled].map(([partition, { lag }]) => {
        const owner = ownerOf(members, partition);
        const who = owner ? `member ${describeMember(owner)}` : "no member";
        return `partition ${partition}: ${who}, lag ${formatCount(lag)}`;
      }),
      hint: "stop those members, then run this again to continue",
    },
  );
}
