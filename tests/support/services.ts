import { listens, Sandbox } from "./child.ts";
import { fetchKafka, startKafka } from "./kafka.ts";
import { findBinaries, startPostgres } from "./postgres.ts";

/** The services of the tests. */
export interface Services {
  /** A settings file for `routes`. */
  config: string;
  stop(): Promise<void>;
}

/**
 * Kafka and PostgreSQL: those that ROUTES_TEST_CONFIG names, otherwise those on the usual ports, otherwise new ones that
 * end with this process.
 */
export async function openServices(say: (line: string) => void): Promise<Services> {
  const given = Deno.env.get("ROUTES_TEST_CONFIG");
  if (given) {
    return { config: given, stop: () => Promise.resolve() };
  }
  const [kafkaThere, postgresThere] = [await listens(9092), await listens(5432)];
  if (kafkaThere) say("using Kafka on 127.0.0.1:9092");
  if (postgresThere) say("using PostgreSQL on 127.0.0.1:5432");
  // One after the other, each with its progress.
  if (!kafkaThere) await fetchKafka(say);
  if (!postgresThere) await findBinaries(say);
  const sandbox = new Sandbox();
  try {
    const [kafka, postgres] = await Promise.all([
      kafkaThere ? null : startKafka({ sandbox, port: 9092, say }),
      postgresThere ? null : startPostgres({ sandbox, port: 5432, say }),
    ]);
    const config = `${sandbox.dir}/host_settings.ini`;
    const bootstrap = kafka?.bootstrap ?? "127.0.0.1:9092";
    const port = postgres?.port ?? 5432;
    await Deno.writeTextFile(
      config,
      `[kafka]\nbootstrap_servers = ${bootstrap}\n\n[postgresql]\nhost = 127.0.0.1\nport = ${port}\n`,
    );
    const started = [
      kafka && `Kafka on ${bootstrap}`,
      postgres && `PostgreSQL ${postgres.version} on 127.0.0.1:${port}`,
    ].filter(Boolean);
    if (started.length > 0) say(`started ${started.join(" and ")}`);
    return {
      config,
      stop: async () => {
        await Promise.all([kafka?.stop(), postgres?.stop("SIGQUIT")]);
        await sandbox.close();
      },
    };
  } catch (error) {
    await sandbox.close();
    throw error;
  }
}
