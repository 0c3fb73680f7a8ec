// A module of kafkajs that its index does not export. Written out because an import map given by --import-map does not
// reach into packages; the version is that of deno.json.
// deno-lint-ignore no-import-prefix
import BrokerPool from "npm:kafkajs@2.2.4/src/cluster/brokerPool.js";
import { isHungUp } from "../errors.ts";

interface BrokerPoolMethods {
  connect(): Promise<void>;
  /** Takes the next of the given servers. */
  createSeedBroker(): Promise<void>;
}

const { connect } = BrokerPool.prototype as BrokerPoolMethods;

/**
 * Replaces BrokerPool.connect() of kafkajs src/cluster/brokerPool.js: after a server that hangs up, as a broker that stops
 * does, it tries the others too. kafkajs does that only for a server that refuses the connection or stays silent. Test:
 * tests/hostile/kafka_test.ts.
 */
export function tryEveryServer(servers: number): void {
  (BrokerPool.prototype as BrokerPoolMethods).connect = async function () {
    for (let tries = 1;; tries++) {
      try {
        return await connect.call(this);
      } catch (error) {
        if (tries >= servers || !isHungUp(error)) throw error;
        await this.createSeedBroker();
      }
    }
  };
}
