// Runs every command with some records.

import { openWorkspace } from "./workspace.ts";

const COMMANDS = [
  "migrate --create-database --topic",
  "produce --count 1000 --invalid 2 --seed 42",
  "consume",
  "query --summary --limit 5",
  "query --user 7 --limit 3",
  "query --rejects --columns partition,offset,code,path,message",
  "query --total",
  "verify",
];

const workspace = await openWorkspace("routes_demo");
let code = 0;
try {
  for (const line of COMMANDS) {
    Deno.stdout.writeSync(new TextEncoder().encode(`\n$ routes ${line}\n`));
    code = (await workspace.routes(line.split(" ")).spawn().status).code;
    if (code !== 0) break;
  }
} finally {
  await workspace.close();
}
Deno.exit(code);
