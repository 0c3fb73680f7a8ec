import type { Source, Store } from "../../postgres/store.ts";

/** The partitions of the topic that were ever read: their rows in the database, and the positions reached since. */
export class KnownSources {
  readonly #store: Pick<Store, "sources" | "addSources">;
  #sources = new Map<number, Source>();

  constructor(store: Pick<Store, "sources" | "addSources">) {
    this.#store = store;
  }

  get all(): Source[] {
    return [...this.#sources.values()];
  }

  get(partition: number): Source | undefined {
    return this.#sources.get(partition);
  }

  /** Reads all rows again. */
  async load(): Promise<void> {
    this.#sources = await this.#read();
  }

  /** Adds partitions, each with its start offset, and reads all rows again. */
  async add(starts: Map<number, number>): Promise<void> {
    await this.#store.addSources(starts);
    await this.load();
  }

  /** Reads the row of one partition again. */
  async reload(partition: number): Promise<void> {
    const source = (await this.#read()).get(partition);
    if (source) this.#sources.set(partition, source);
  }

  /** The position of each partition as it is in the database now. */
  async positions(): Promise<Map<number, number>> {
    const sources = await this.#store.sources();
    return new Map(sources.map(({ partition, nextOffset }) => [partition, nextOffset]));
  }

  /** Whether a position in the database is lower than the position reached: the database was restored or replayed. */
  async areRewound(): Promise<boolean> {
    const known = this.all.map((source) => ({ ...source }));
    const rows = await this.#read();
    return known.some(({ partition, id, nextOffset }) => {
      const row = rows.get(partition);
      return row?.id !== id || row.nextOffset < nextOffset;
    });
  }

  async #read(): Promise<Map<number, Source>> {
    const sources = await this.#store.sources();
    return new Map(sources.map((source) => [source.partition, source]));
  }
}
