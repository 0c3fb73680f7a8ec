import {
  cacheDir,
  type Child,
  freePort,
  once,
  runChild,
  type Sandbox,
  startChild,
} from "./child.ts";

/** One node of a cluster, both broker and controller. */
export interface Broker {
  port: number;
  /** Stops it cleanly, or with another signal; start() starts it again with its data. */
  stop(signal?: Deno.Signal): Promise<void>;
  start(): Promise<void>;
  kill(signal: Deno.Signal): void;
}

/** A Kafka cluster on 127.0.0.1. */
export interface KafkaCluster {
  /** `host:port` of every broker. */
  bootstrap: string;
  brokers: Broker[];
  /** The jars, for the command-line tools of Kafka. */
  classpath: string;
  stop(): Promise<void>;
}

const LOGGING = `rootLogger.level = INFO
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %p %m%n
rootLogger.appenderRef.out.ref = out
`;

/** Downloads Apache Kafka once; the error for missing Java or Maven has one line. */
export async function fetchKafka(
  say: (line: string) => void,
  wanted: string | null = null,
): Promise<string> {
  for (const [program, flag] of [["java", "-version"], ["mvn", "-version"]] as const) {
    await runChild(program, { args: [flag], name: program }).catch(() => {
      throw new Error(
        `${program} is missing, and starting Kafka needs Java 17 and Maven: install them, or start Kafka on ` +
          "127.0.0.1:9092 yourself, or name one in a settings file and that file in ROUTES_TEST_CONFIG",
      );
    });
  }
  const pom = await Deno.readTextFile(`${import.meta.dirname}/kafka_pom.xml`);
  const usual = /kafka_2.13<\/artifactId>\s*<version>([^<]+)</.exec(pom)![1]!;
  const version = wanted ?? usual;
  return await once(`${cacheDir()}/kafka-${version}`, async (dir) => {
    say(`downloading Apache Kafka ${version}`);
    await Deno.writeTextFile(`${dir}/pom.xml`, pom.replaceAll(usual, version));
    await runChild("mvn", {
      args: [
        "-q",
        "-B",
        "-f",
        `${dir}/pom.xml`,
        "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies",
        `-DoutputDirectory=${dir}/lib`,
      ],
      name: "maven",
    });
  });
}

/** How to start a cluster. */
export interface KafkaOptions {
  sandbox: Sandbox;
  /** The port of the first broker, if it is free. */
  port?: number;
  brokers?: number;
  /** Additional properties; `listeners` and `advertised` are added to those of the plain listener. */
  properties?: Record<string, string>;
  /** The version of Kafka; by default that of kafka_pom.xml. */
  version?: string;
  /** SCRAM users, such as `SCRAM-SHA-256=[name=ann,password=…]`. */
  scram?: string[];
  say?: (line: string) => void;
}

/** Starts a cluster and waits until it accepts connections. */
export async function startKafka(options: KafkaOptions): Promise<KafkaCluster> {
  const { sandbox, brokers: count = 1, say = () => {} } = options;
  const home = await fetchKafka(say, options.version ?? null);
  const classpath = `${home}/lib/*`;
  const nodes = Array.from({ length: count }, (_, i) => ({
    id: i + 1,
    port: freePort(i === 0 ? options.port : 0),
    controllerPort: freePort(),
  }));
  const voters = nodes.map((node) => `${node.id}@127.0.0.1:${node.controllerPort}`).join();
  const clusterId = btoa(crypto.randomUUID().slice(0, 16)).replaceAll("=", "").slice(0, 22);
  const brokers = await Promise.all(nodes.map(async (node) => {
    const dir = `${sandbox.dir}/kafka-${node.port}`;
    await Deno.mkdir(dir);
    const { listeners: extra, advertised = extra, ...properties } = options.properties ?? {};
    const factor = String(Math.min(count, 3));
    const lines = Object.entries({
      "process.roles": "broker,controller",
      "node.id": String(node.id),
      "controller.quorum.voters": voters,
      "listeners":
        `PLAINTEXT://127.0.0.1:${node.port},CONTROLLER://127.0.0.1:${node.controllerPort}` +
        (extra ? `,${extra}` : ""),
      "advertised.listeners": `PLAINTEXT://127.0.0.1:${node.port}` +
        (advertised ? `,${advertised}` : ""),
      "controller.listener.names": "CONTROLLER",
      "inter.broker.listener.name": "PLAINTEXT",
      "log.dirs": `${dir}/data`,
      "num.partitions": "3",
      "auto.create.topics.enable": "false",
      "offsets.topic.num.partitions": "5",
      "offsets.topic.replication.factor": factor,
      "default.replication.factor": factor,
      "transaction.state.log.num.partitions": "5",
      "transaction.state.log.replication.factor": factor,
      "transaction.state.log.min.isr": "1",
      "group.initial.rebalance.delay.ms": "0",
      "log.retention.ms": "-1",
      ...properties,
    }).map(([key, value]) => `${key}=${value}\n`);
    await Deno.writeTextFile(`${dir}/server.properties`, lines.join(""));
    await Deno.writeTextFile(`${dir}/log4j2.properties`, LOGGING);
    await runChild("java", {
      args: [
        "-XX:TieredStopAtLevel=1",
        "-cp",
        classpath,
        "kafka.tools.StorageTool",
        "format",
        "-t",
        clusterId,
        "-c",
        `${dir}/server.properties`,
        ...(options.scram ?? []).flatMap((user) => ["-S", user]),
      ],
      name: "formatting Kafka's storage",
    });
    return { dir, port: node.port };
  }));
  const started = brokers.map(({ dir, port }) => openBroker(dir, port, classpath, sandbox));
  await Promise.all(started.map((broker) => broker.start()));
  return {
    bootstrap: nodes.map(({ port }) => `127.0.0.1:${port}`).join(),
    brokers: started,
    classpath,
    stop: async () => {
      // For a clean stop the last controller would wait for a quorum.
      await Promise.all(started.map((broker) => broker.stop("SIGKILL")));
    },
  };
}

function openBroker(dir: string, port: number, classpath: string, sandbox: Sandbox): Broker {
  let child: Child | null = null;
  return {
    port,
    kill: (signal) => child?.kill(signal),
    stop: async (signal = "SIGTERM") => {
      await child?.stop(signal);
      child = null;
    },
    start: async () => {
      child = await sandbox.adopt(
        await startChild("java", {
          args: [
            "-Xmx512m",
            "-Xms256m",
            "-XX:+UseSerialGC",
            `-Dlog4j2.configurationFile=${dir}/log4j2.properties`,
            "-cp",
            classpath,
            "kafka.Kafka",
            `${dir}/server.properties`,
          ],
          ready: /Kafka Server started/,
          name: "Kafka",
        }),
      );
    },
  };
}

/** Sends lines with Kafka's own console producer, which supports every codec. */
export async function sendCompressed(
  { classpath, bootstrap, topic, codec, lines }: {
    classpath: string;
    bootstrap: string;
    topic: string;
    codec: string;
    lines: string[];
  },
): Promise<void> {
  const producer = new Deno.Command("java", {
    args: [
      "-cp",
      classpath,
      "org.apache.kafka.tools.ConsoleProducer",
      "--bootstrap-server",
      bootstrap,
      "--topic",
      topic,
      "--compression-codec",
      codec,
      "--batch-size",
      "100000",
      "--timeout",
      "200",
    ],
    stdin: "piped",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const [{ success, stderr }] = await Promise.all([
    producer.output(),
    new Blob(lines.map((line) => line + "\n")).stream().pipeTo(producer.stdin),
  ]);
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}
