// A connection pooler, such as PgBouncer, sits between this program and PostgreSQL. In transaction mode it gives each
// transaction to any of its sessions: settings of a session, prepared statements and locks of a session get lost there.

/** The parameters of a connection that PgBouncer accepts with its default settings. */
export const POOLED_PARAMETERS = ["application_name", "standard_conforming_strings"];

/** The largest process id of Linux, and larger than those of other systems; poolers give a random number of 32 bits. */
const PID_MAX = 2 ** 22;

/** Knows whether a client is connected to a pooler; true from the first sign on. */
export class PoolerWatch {
  readonly #optional: string[];
  readonly #found: () => void;
  #isPooled = false;

  /** `optional`: parameters that are not sent once it is found; `found` is called then. */
  constructor(optional: string[], found: () => void) {
    this.#optional = optional;
    this.#found = found;
  }

  /** Whether a pooler was seen. */
  get isPooled(): boolean {
    return this.#isPooled;
  }

  /** An error before the login; returns whether to connect again, now without what the pooler refuses. */
  refused(message: string): boolean {
    const name = /unsupported startup parameter: (\w+)/.exec(message)?.[1] ?? "";
    // Several connections can begin with all parameters before the first one is refused.
    if (!this.#optional.includes(name)) return false;
    this.see();
    return true;
  }

  /** The process id of a session. */
  started(pid: number): void {
    if (pid > PID_MAX) this.see();
  }

  /** There is one. */
  see(): void {
    if (this.#isPooled) return;
    this.#isPooled = true;
    this.#found();
  }
}

/** What versions of PgBouncer before 1.21 mean by their only SQLSTATE. */
const MEANINGS: [message: RegExp, state: string][] = [
  [/authentication failed|no such user|role ".*" does not exist|no pg_hba.conf entry/, "28P01"],
  [/no such database|database ".*" does not exist/, "3D000"],
  [/no more connections allowed|too many (connections|clients)|connection slots/, "53300"],
];

/** The SQLSTATE that PostgreSQL itself would have given. */
export function translateState(state: string, message: string): string {
  if (state !== "08P01") return state;
  return MEANINGS.find(([pattern]) => pattern.test(message))?.[1] ?? state;
}
