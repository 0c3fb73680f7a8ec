import {
  cacheDir,
  type Child,
  freePort,
  once,
  runChild,
  type Sandbox,
  startChild,
} from "./child.ts";
import { openMavenProgress, openProgress, requireJava, requireMaven } from "./download.ts";

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

/** Downloads Apache Kafka once; the error for missing Java or Maven says what to install. */
export async function fetchKafka(
  say: (line: string) => void,
  wanted: string | null = null,
): Promise<string> {
  await requireJava();
  const pom = await Deno.readTextFile(`${import.meta.dirname}/kafka_pom.xml`);
  const usual = /kafka_2.13<\/artifactId>\s*<version>([^<]+)</.exec(pom)![1]!;
  const version = wanted ?? usual;
  return await once(`${cacheDir()}/kafka-${version}`, async (dir) => {
    await requireMaven();
    const what = `downloading Apache Kafka ${version}`;
    say(`${what} and its libraries (60 MB)`);
    await Deno.writeTextFile(`${dir}/pom.xml`, pom.replaceAll(usual, version));
    const progress = openProgress(say);
    const soFar = openMavenProgress();
    try {
      // In batch mode (-B) Maven prints no progress.
      await runChild("mvn", {
        args: [
          "-f",
          `${dir}/pom.xml`,
          "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies",
          `-DoutputDirectory=${dir}/lib`,
        ],
        name: "maven",
        onText: (text) => progress.show(`${what}: ${soFar(text)}`),
      });
    } finally {
      progress.close();
    }
  });
}

/** How to start a cluster. */
export interface KafkaOptions {
  sandbox: Sandbox;
  /** The port of the first broker, if it is free. */
  port?: number;
  brokers?: number;
  /** Whether each broker is in a rack of its own: `rack-1` and so on. */
  racks?: boolean;
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
  const hasZooKeeper = options.version?.startsWith("2.") ?? false;
  const zooKeeper = hasZooKeeper ? await startZooKeeper(sandbox, classpath) : null;
  const clusterId = btoa(crypto.randomUUID().slice(0, 16)).replaceAll("=", "").slice(0, 22);
  const brokers = await Promise.all(nodes.map(async (node) => {
    const dir = `${sandbox.dir}/kafka-${node.port}`;
    await Deno.mkdir(dir);
    const { listeners: extra, advertised = extra, ...properties } = options.properties ?? {};
    const factor = String(Math.min(count, 3));
    const plain = `PLAINTEXT://127.0.0.1:${node.port}`;
    const control = zooKeeper ? { "broker.id": String(node.id), "zookeeper.connect": zooKeeper } : {
      "process.roles": "broker,controller",
      "node.id": String(node.id),
      "controller.quorum.voters": voters,
      "controller.listener.names": "CONTROLLER",
    };
    const controller = zooKeeper ? [] : [`CONTROLLER://127.0.0.1:${node.controllerPort}`];
    const lines = Object.entries({
      ...control,
      ...options.racks && { "broker.rack": `rack-${node.id}` },
      "listeners": [plain, ...controller, extra ?? []].flat().join(),
      "advertised.listeners": [plain, advertised ?? []].flat().join(),
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
    if (zooKeeper) return { dir, port: node.port };
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

/** Starts what Kafka before 3.3 keeps its metadata in; it ends with the sandbox. Returns its `host:port`. */
async function startZooKeeper(sandbox: Sandbox, classpath: string): Promise<string> {
  const port = freePort();
  const dir = `${sandbox.dir}/zookeeper-${port}`;
  await Deno.mkdir(dir);
  await Deno.writeTextFile(
    `${dir}/zoo.cfg`,
    `dataDir=${dir}\nclientPort=${port}\nclientPortAddress=127.0.0.1\nadmin.enableServer=false\n`,
  );
  await Deno.writeTextFile(`${dir}/log4j2.properties`, LOGGING);
  const main = "org.apache.zookeeper.server.quorum.QuorumPeerMain";
  const logging = `-Dlog4j2.configurationFile=${dir}/log4j2.properties`;
  await sandbox.adopt(
    await startChild("java", {
      args: ["-Xmx128m", logging, "-cp", classpath, main, `${dir}/zoo.cfg`],
      ready: /binding to port/,
      name: "ZooKeeper",
    }),
  );
  return `127.0.0.1:${port}`;
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
          ready: /Kafka Server started|\[KafkaServer id=\d+\] started/,
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
