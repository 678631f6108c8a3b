import { existsSync } from 'node:fs';
import { isAbsolute, join, resolve } from 'node:path';
import { withoutCredentials } from '../models/endpoint.js';
import { wrongConfiguration } from './cli-error.js';
import { parseEnvFile, type EnvFileEntry } from './env-file.js';
import { nearNameWarnings } from './near-names.js';
import { parseSettingsFile } from './settings-file.js';
import type { Config, SettingOrigin, SettingSource } from './setting-origin.js';
import { SETTINGS, SETTING_NAMES, settingsSchema, type SettingInfo, type SettingName } from './settings.js';
import { checkTogether } from './settings-together.js';
import { cutToWidth, oneLine } from './text-width.js';

/** Columns that an error gives to a wrong value. */
const LONGEST_SHOWN = 80;

export interface ConfigInput {
  /** Flags that were typed, by the setting's name. */
  readonly flags: Readonly<Partial<Record<SettingName, string>>>;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly projectDir: string;
  /** Where agents/ is when the project has none. */
  readonly packageDir?: string;
  /** --config; null: ravenhelm.yaml in the working directory, where there is one. */
  readonly configFile: string | null;
  /** Defaults of the command, before those of the settings. */
  readonly defaults?: Readonly<Partial<Record<SettingName, string>>>;
  /** The file's text, or null when there is no such file. */
  readFile(path: string): string | null;
}

/** Resolves every setting. Throws CliError (exit 2) that names each wrong value, its source and what to do. */
export function loadConfig(input: ConfigInput): Config {
  const dotEnvPath = join(input.cwd, '.env');
  const dotEnv = parseEnvFile(input.readFile(dotEnvPath) ?? '', dotEnvPath);
  const origins = collectOrigins(input, dotEnv, dotEnvPath);
  const texts = Object.fromEntries(origins.map((origin) => [origin.name, origin.text]));
  const parsed = settingsSchema.safeParse(texts);
  if (!parsed.success) {
    const wrong = new Set(parsed.error.issues.map((issue) => String(issue.path[0])));
    throw wrongValues(origins.filter((origin) => wrong.has(origin.name)));
  }
  const warnings = nearNameWarnings({ env: input.env, dotEnv, dotEnvPath });
  const config = { values: parsed.data, origins, warnings };
  checkTogether(config);
  return config;
}

/** The value as it may be shown: secrets keep their last four characters at most, addresses no user or password. */
export function shownValue(origin: SettingOrigin): string | null {
  const { secret, address } = SETTINGS[origin.name];
  if (origin.text !== null && address === true) return withoutCredentials(origin.text, '••••@');
  if (origin.text === null || secret !== true) return origin.text;
  return origin.text.length >= 16 ? `••••${origin.text.slice(-4)}` : '••••';
}

function collectOrigins(
  input: ConfigInput,
  dotEnv: ReadonlyMap<string, EnvFileEntry>,
  envFile: string,
): SettingOrigin[] {
  const file = readSettingsFile(input);
  return SETTING_NAMES.map((name) => {
    const info = SETTINGS[name];
    const make = (text: string, source: SettingSource, place: string, base = input.cwd): SettingOrigin => ({
      name,
      source,
      place,
      text: info.path === true && !isAbsolute(text) ? resolve(base, text) : text,
    });
    const origin = (made: SettingOrigin): SettingOrigin => {
      if (info.flagOnly === true) throw notByFlag(made, info);
      return made;
    };
    const flagText = input.flags[name];
    if (flagText !== undefined) return make(flagText, 'flag', info.flag?.split(' ')[0] ?? name);
    // Compose passes unset variables on as empty ones; an empty value counts as not set.
    const variable = info.anyCase === true && isGiven(input.env[name.toLowerCase()]) ? name.toLowerCase() : name;
    const envText = input.env[variable];
    if (isGiven(envText)) return origin(make(envText, 'environment', `the environment variable ${variable}`));
    const dotEnvText = dotEnv.get(name)?.text;
    if (dotEnvText !== undefined && dotEnvText !== '') return origin(make(dotEnvText, '.env', envFile));
    const entry = file?.entries.get(name);
    if (entry !== undefined && file !== null)
      return origin(make(entry.text, 'file', `${file.path}:${entry.line}`, resolve(file.path, '..')));
    const standard = input.defaults?.[name] ?? info.default;
    return standard === null
      ? { name, text: null, source: 'default', place: 'the default' }
      : make(standard, 'default', 'the default', baseOf(name, standard, input));
  });
}

function notByFlag({ name, place }: SettingOrigin, { flag = name }: SettingInfo): Error {
  const typed = flag.split(' ')[0] ?? name;
  return wrongConfiguration(
    `${name} is set (from ${place}), and it is a flag only, so that nothing but the typed command decides it`,
    `Take it away there, and type ${typed} with the command where you need it.`,
  );
}

const isGiven = (text: string | undefined): text is string => text !== undefined && text !== '';

/** The directory that a default's path starts from: agents/ of the package where the project has none. */
function baseOf(name: SettingName, path: string, { projectDir, packageDir = projectDir }: ConfigInput): string {
  return name === 'RAVENHELM_AGENTS_DIR' && !existsSync(join(projectDir, path)) ? packageDir : projectDir;
}

function readSettingsFile(input: ConfigInput) {
  const path = resolve(input.cwd, input.configFile ?? 'ravenhelm.yaml');
  const text = input.readFile(path);
  if (text === null) {
    if (input.configFile === null) return null;
    throw wrongConfiguration(`there is no configuration file ${path}`, 'Correct --config, or leave it out.');
  }
  return { path, entries: parseSettingsFile(text, path) };
}

function wrongValues(origins: readonly SettingOrigin[]): Error {
  const lines = origins.map((origin) => {
    const { brokenRule, expected } = SETTINGS[origin.name];
    const shown =
      origin.text === null ? 'nothing' : `"${cutToWidth(oneLine(shownValue(origin) ?? ''), LONGEST_SHOWN)}"`;
    const rule = brokenRule?.(origin.text ?? '') ?? `be ${expected}`;
    return `${origin.name} is ${shown} (from ${origin.place}); it must ${rule}`;
  });
  const places = [...new Set(origins.map((origin) => origin.place))].join(', ');
  return wrongConfiguration(lines.join('\n'), `Correct it in ${places}, or take it away there.`);
}
