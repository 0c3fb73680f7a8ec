import { assertEquals } from "@std/assert";
import { createHash } from "node:crypto";
// Loaded before any patch is applied.
// deno-lint-ignore no-import-prefix
import scramModule from "npm:kafkajs@2.2.4/src/broker/saslAuthenticator/scram.js";
// deno-lint-ignore no-import-prefix
import BrokerPool from "npm:kafkajs@2.2.4/src/cluster/brokerPool.js";
// deno-lint-ignore no-import-prefix
import ConsumerGroup from "npm:kafkajs@2.2.4/src/consumer/consumerGroup.js";
// deno-lint-ignore no-import-prefix
import OffsetManager from "npm:kafkajs@2.2.4/src/consumer/offsetManager/index.js";
// deno-lint-ignore no-import-prefix
import Runner from "npm:kafkajs@2.2.4/src/consumer/runner.js";
// deno-lint-ignore no-import-prefix
import Connection from "npm:kafkajs@2.2.4/src/network/connection.js";
// deno-lint-ignore no-import-prefix
import RequestQueue from "npm:kafkajs@2.2.4/src/network/requestQueue/index.js";
// deno-lint-ignore no-import-prefix
import Decoder from "npm:kafkajs@2.2.4/src/protocol/decoder.js";
// deno-lint-ignore no-import-prefix
import encodeRecord from "npm:kafkajs@2.2.4/src/protocol/recordBatch/record/v0/index.js";
// deno-lint-ignore no-import-prefix
import fetch from "npm:kafkajs@2.2.4/src/protocol/requests/fetch/index.js";
// deno-lint-ignore no-import-prefix
import fetchResponse from "npm:kafkajs@2.2.4/src/protocol/requests/fetch/v11/response.js";
// deno-lint-ignore no-import-prefix
import heartbeat from "npm:kafkajs@2.2.4/src/protocol/requests/heartbeat/index.js";
// deno-lint-ignore no-import-prefix
import joinGroup from "npm:kafkajs@2.2.4/src/protocol/requests/joinGroup/index.js";
// deno-lint-ignore no-import-prefix
import metadata from "npm:kafkajs@2.2.4/src/protocol/requests/metadata/index.js";
// deno-lint-ignore no-import-prefix
import syncGroup from "npm:kafkajs@2.2.4/src/protocol/requests/syncGroup/index.js";

const VERSION = "2.2.4";

// deno-lint-ignore no-explicit-any
type Loose = any;
const scram = scramModule as Loose;
const { prototype: brokerPool } = BrokerPool as Loose;
const { prototype: group } = ConsumerGroup as Loose;
const { prototype: offsets } = OffsetManager as Loose;
const { prototype: runner } = Runner as Loose;
const { prototype: connection } = Connection as Loose;
const { prototype: queue } = RequestQueue as Loose;
const { prototype: decoder } = Decoder as Loose;

/** Each patch, the functions that it replaces or builds on, and the hash of their source in this version. */
const replaced: [patch: string, functions: (() => unknown)[], hash: string][] = [
  [
    "bad_answers",
    [
      scram.SCRAM.hi,
      connection.processData,
      decoder.canReadBytes,
      decoder.readArray,
      decoder.readUVarIntArray,
    ],
    "dd93793c689c334c",
  ],
  ["next_server", [brokerPool.connect], "a3b3aabb6ee168c5"],
  ["drop_silent", [connection.send], "8b048d5efae488be"],
  ["encode_records", [encodeRecord as Loose], "88bfde961fa73b1c"],
  ["fetch", [(fetch as Loose).protocol, (fetchResponse as Loose).decode], "8bc52db381115631"],
  ["header_list", [decoder.readVarIntArray], "4b6a496115d77a50"],
  [
    "limit_timers",
    [queue.scheduleCheckPendingRequests, queue.scheduleRequestTimeoutCheck],
    "f4a21886a3c703e7",
  ],
  ["moved_coordinator", [group.heartbeat], "ba6c66c6bb8ab3ea"],
  ["moved_leader", [group.recoverFromFetch], "d68791b998808783"],
  ["metadata", [(metadata as Loose).protocol], "32529e32a3c135df"],
  ["stopped_fetch", [runner.fetch], "f40262089d69d8ed"],
  ["paused_fetch", [group.fetch, group.resume], "ed96b6dae9e7fc53"],
  ["sought_offsets", [offsets.seek, offsets.resolveOffsets], "a9225b11e8b057f9"],
  [
    "static_members",
    [
      (joinGroup as Loose).protocol({ version: 5 }),
      (syncGroup as Loose).protocol({ version: 3 }),
      (heartbeat as Loose).protocol({ version: 3 }),
    ],
    "b967d2fdd9a7c94a",
  ],
  ["rejoin", [group.leave, group.joinAndSync], "20a1a5a22500e103"],
];

for (const [patch, functions, hash] of replaced) {
  Deno.test(`kafkajs still has what patches/${patch}.ts replaces`, () => {
    const text = functions.map(String).join("\n");
    const found = createHash("sha256").update(text).digest("hex").slice(0, 16);
    assertEquals(
      found,
      hash,
      `read what changed, adapt or delete the patch, then pin the hash:\n${text}`,
    );
  });
}

Deno.test("kafkajs has no newer fetch and metadata requests of its own, which would need no patch", () => {
  const newest = (api: Loose) => Math.max(...api.versions.map(Number));
  assertEquals([newest(fetch), newest(metadata)], [11, 6]);
});

Deno.test("every import of a module of kafkajs names the version of deno.json", async () => {
  const root = new URL("../../../", import.meta.url);
  const { imports } = JSON.parse(await Deno.readTextFile(new URL("deno.json", root)));
  assertEquals(imports.kafkajs, `npm:kafkajs@${VERSION}`);
  const versions = new Set<string>();
  for await (const path of sources(new URL("src/kafka/", root))) {
    const text = await Deno.readTextFile(path);
    for (const [, version] of text.matchAll(/npm:kafkajs@([\d.]+)/g)) versions.add(version!);
  }
  assertEquals([...versions], [VERSION]);
});

async function* sources(folder: URL): AsyncGenerator<URL> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory) yield* sources(new URL(`${name}/`, folder));
    else yield new URL(name, folder);
  }
}
