// A module of kafkajs that its index does not export. Written out because an import map given by --import-map does not
// reach into packages; the version is that of deno.json.
// deno-lint-ignore no-import-prefix
import Runner from "npm:kafkajs@2.2.4/src/consumer/runner.js";

interface RunnerMethods {
  running: boolean;
  fetch(nodeId: number): Promise<unknown[]>;
}

const { fetch } = Runner.prototype as RunnerMethods;
const PAUSE_MS = 100;

/**
 * Replaces fetch() of kafkajs src/consumer/runner.js, which returns at once when the consumer was stopped. If the brokers
 * changed at that moment, kafkajs calls it again and again without a pause: no timer fires any more, and the process
 * cannot even be ended by a signal. Test: tests/kafka/patches/stopped_fetch_test.ts.
 */
export function pauseStoppedFetches(): void {
  (Runner.prototype as RunnerMethods).fetch = async function (nodeId) {
    if (!this.running) await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    return await fetch.call(this, nodeId);
  };
}
