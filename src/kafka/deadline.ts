/** A deadline that passes after `ms`, or `hurryMs` after the signal if that is sooner. */
export class Deadline {
  #passed = false;
  readonly #end = Promise.withResolvers<"late">();
  readonly #signal: AbortSignal;
  readonly #hurry: () => void;
  #timer: ReturnType<typeof setTimeout>;

  constructor({ ms, signal, hurryMs }: { ms: number; signal: AbortSignal; hurryMs: number }) {
    const pass = () => {
      this.#passed = true;
      this.#end.resolve("late");
    };
    const endAt = performance.now() + ms;
    this.#timer = setTimeout(pass, ms);
    this.#hurry = () => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(pass, Math.min(hurryMs, endAt - performance.now()));
    };
    this.#signal = signal;
    signal.addEventListener("abort", this.#hurry, { once: true });
    if (signal.aborted) this.#hurry();
  }

  get passed(): boolean {
    return this.#passed;
  }

  /** The result of `work`, or `late` once the deadline has passed; `work` itself is not cancelled. */
  race<T>(work: Promise<T>): Promise<T | "late"> {
    return Promise.race([work, this.#end.promise]);
  }

  /** Waits `ms`, or until the deadline passes. */
  async sleep(ms: number): Promise<void> {
    const rest = Promise.withResolvers<void>();
    const timer = setTimeout(rest.resolve, ms);
    await this.race(rest.promise);
    clearTimeout(timer);
  }

  /** Releases the timer; call it when the work is done or abandoned. */
  end(): void {
    clearTimeout(this.#timer);
    this.#signal.removeEventListener("abort", this.#hurry);
  }
}

/** Waits for `work`, but no longer than `ms`; ignores its failure. */
export async function atMost(ms: number, work: Promise<unknown>): Promise<void> {
  let timer;
  const limit = new Promise((resolve) => timer = setTimeout(resolve, ms));
  await Promise.race([work.catch(() => {}), limit]);
  clearTimeout(timer);
}
