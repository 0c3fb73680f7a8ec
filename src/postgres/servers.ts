import {
  addressOf,
  type PostgresSettings,
  type Server,
  type Target,
} from "../settings/postgres.ts";

/** What a server says about itself. */
export interface ServerState {
  isStandby: boolean;
  /** By its configuration, or that of the user or database. */
  isReadOnly: boolean;
}

/** The code of the error when no server is as wanted. */
export const NO_SERVER = "NO_SERVER";

/** Chooses one of several servers, and again after a connection has ended: another one may be the primary by then. */
export class ServerChoice {
  readonly #servers: Server[];
  readonly #target: Target;
  readonly #ask: (server: Server) => Promise<ServerState>;
  #chosen: Promise<Server> | null = null;

  /** `ask` connects to a server; `random` returns numbers from 0 up to, not including, 1. */
  constructor(
    { servers, isBalanced }: Pick<PostgresSettings, "servers" | "isBalanced">,
    target: Target,
    ask: (server: Server) => Promise<ServerState>,
    random: () => number,
  ) {
    this.#servers = isBalanced ? shuffled(servers, random) : servers;
    this.#target = target;
    this.#ask = ask;
  }

  /** The server to connect to; rejects with what each server answered when none is as wanted. */
  next(): Promise<Server> {
    return this.#chosen ??= this.#choose().catch((error) => {
      this.#chosen = null;
      throw error;
    });
  }

  /** A connection has ended. */
  lost(): void {
    this.#chosen = null;
  }

  async #choose(): Promise<Server> {
    const answers: string[] = [];
    let other: Server | null = null;
    for (const server of this.#servers) {
      const where = addressOf(server);
      try {
        const state = await this.#ask(server);
        if (isWanted(state, this.#target)) return server;
        other ??= server;
        answers.push(`${where} is ${state.isStandby ? "a standby" : describe(state)}`);
      } catch (error) {
        answers.push(`${where}: ${(error as Error).message}`);
      }
    }
    if (other && this.#target === "prefer-standby") return other;
    throw Object.assign(new Error(answers.join("; ")), { code: NO_SERVER });
  }
}

function isWanted({ isStandby, isReadOnly }: ServerState, target: Target): boolean {
  switch (target) {
    case "any":
      return true;
    case "read-write":
      return !isStandby && !isReadOnly;
    case "read-only":
      return isStandby || isReadOnly;
    case "primary":
      return !isStandby;
    case "standby":
    case "prefer-standby":
      return isStandby;
  }
}

function describe({ isReadOnly }: ServerState): string {
  return isReadOnly ? "read-only" : "a primary";
}

/** Fisher and Yates's shuffle. */
function shuffled<T>(items: T[], random: () => number): T[] {
  const list = [...items];
  for (let i = list.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [list[i], list[j]] = [list[j]!, list[i]!];
  }
  return list;
}
