import { suggest } from "../suggest.ts";

/** The keys of each section, with their other names. */
type Keys = Record<string, string[]>;

/** What Kubernetes sets for a service called routes-kafka. */
const OF_KUBERNETES = /^\w+_(SERVICE_(HOST|PORT)(_\w+)?|PORT_\d+_\w+)=|_PORT=\w+:\/\//;

/** The variable that sets a key. */
export function variableOf(section: string, key: string): string {
  return `ROUTES_${section}_${key}`.toUpperCase();
}

/** What is wrong with the name of a variable; null: nothing, or it may belong to another program. */
export function mistakeIn(variable: string, value: string, keys: Keys): string | null {
  const [, name] = /^ROUTES_(.+)$/.exec(variable) ?? [];
  if (!name || OF_KUBERNETES.test(`${variable}=${value}`)) return null;
  if (/^(CONFIG|SETTINGS)(_FILE|_PATH)?$/.test(name)) return "name the settings file with --config";
  if (isSetting(variable, keys)) return null;
  const section = Object.keys(keys).find((one) => name.startsWith(`${one.toUpperCase()}_`));
  const meant = section
    ? nearestKey(section, name.slice(section.length + 1), keys)
    : nearestVariable(name, keys) ?? withSection(name, keys);
  if (meant) return `did you mean "${meant}"?`;
  return section ? `[${section}] has no such key` : null;
}

function isSetting(variable: string, keys: Keys): boolean {
  return Object.entries(keys).some(([section, names]) =>
    names.some((key) => variableOf(section, key) === variable)
  );
}

function nearestKey(section: string, word: string, keys: Keys): string | null {
  const key = suggest(word, keys[section]!);
  return key && variableOf(section, key);
}

function nearestVariable(name: string, keys: Keys): string | null {
  const known = Object.entries(keys).flatMap(([section, names]) =>
    names.map((key) => `${section}_${key}`)
  );
  const nearest = suggest(name, known);
  return nearest && `ROUTES_${nearest}`.toUpperCase();
}

/** The variable of a name whose section is missing or shortened, as in ROUTES_TOPIC and ROUTES_PG_HOST. */
function withSection(name: string, keys: Keys): string | null {
  const key = name.replace(/^(PG|DB|DATABASE|POSTGRES)_/, "").toLowerCase();
  const section = Object.keys(keys).find((one) => keys[one]!.includes(key));
  return section ? variableOf(section, key) : null;
}
