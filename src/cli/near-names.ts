import { editDistance } from '../domain/did-you-mean.js';
import type { EnvFileEntry } from './env-file.js';
import { SETTINGS, SETTING_NAMES, type SettingName } from './settings.js';

/** Letters that a name may differ in from a setting's. */
const NEAR = 2;
/** Shorter names than this many letters are near too many others. */
const LEAST = 6;

interface Given {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly dotEnv: ReadonlyMap<string, EnvFileEntry>;
  readonly dotEnvPath: string;
}

/**
 * A warning for each variable whose name nearly is a setting that is not set, such as KAFKA_BROKER: it would be ignored
 * without a word. In .env, and in the environment; a file of settings has errors instead.
 */
export function nearNameWarnings({ env, dotEnv, dotEnvPath }: Given): readonly string[] {
  const isSet = (name: string) => Boolean(env[name]) || Boolean(dotEnv.get(name)?.text);
  // The names of proxies are a convention of many programs, with neighbours such as FTP_PROXY.
  const ours = SETTING_NAMES.filter((name) => SETTINGS[name].flagOnly !== true && SETTINGS[name].anyCase !== true);
  const free = ours.filter((name) => !isSet(name));
  const variables = Object.entries(env).flatMap(([name, text]) => (text ? [[name, 'the environment'] as const] : []));
  const written = [...dotEnv].flatMap(([name, { text, line }]) =>
    text === '' ? [] : [[name, `${dotEnvPath}:${line}`] as const],
  );
  return [...written, ...variables].flatMap(([name, place]) => {
    const setting = nearSetting(name, free);
    return setting === null ? [] : [`${place}: ${name} is no setting and is ignored. Did you mean ${setting}?`];
  });
}

function nearSetting(name: string, free: readonly SettingName[]): SettingName | null {
  if (name.length < LEAST || SETTING_NAMES.some((setting) => setting === name)) return null;
  const word = name.toUpperCase().replaceAll('-', '_');
  return (
    free.find((setting) => Math.abs(setting.length - word.length) <= NEAR && editDistance(word, setting) <= NEAR) ??
    null
  );
}
