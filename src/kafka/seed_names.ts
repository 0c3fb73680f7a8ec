/**
 * The name under which kafkajs gets an address of the settings. kafkajs cuts addresses at the first colon, so the colons
 * of an IPv6 address in brackets are replaced. Other addresses stay as they are.
 */
export function seedName(address: string): string {
  return address.replace(/^\[(.*)\]/, (_, ip: string) => ip.replaceAll(":", "_"));
}

/** The address that has this name, if it is one of them; else the name itself, as brokers announce it. */
export function addressOf(name: string, addresses: string[]): string {
  return addresses.find((address) => seedName(address) === name) ?? name;
}

/** Host and port of an address, without brackets. */
export function splitAddress(address: string): { host: string; port: number } {
  const [, host, port] = /^(.*):(\d+)$/.exec(address)!;
  return { host: host!.replace(/^\[|\]$/g, ""), port: Number(port) };
}
