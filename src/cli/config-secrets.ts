import { SETTINGS } from './settings.js';
import type { Config } from './setting-origin.js';

/** Variables whose names say that they hold a secret, whatever program they are for. */
const SECRET_NAME = new RegExp(
  '(?:TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|SSHPASS|_PWD)$|' +
    '(?:^|_)(?:CREDENTIALS?|PASS|PAT|AUTH|SECRET_KEY_BASE|KEY|APIKEY)$',
  'i',
);
/** Words, as test systems have them for passwords, occur in ordinary text; a path names a file that has the secret. */
const NO_SECRET = /^[A-Za-z]{1,15}(?:[-_.][A-Za-z]{1,15})?$|^[./]/;

/** What must appear nowhere: secret settings, passwords in addresses, and secretVariables. */
export function secretsOf({ origins }: Config, env: Readonly<Record<string, string | undefined>>): readonly string[] {
  const settings = origins.flatMap(({ name, text }) => {
    const { secret, address } = SETTINGS[name];
    if (text === null) return [];
    return secret === true ? [text] : address === true ? passwordsIn(text) : [];
  });
  return [...settings, ...secretVariables(env)];
}

/** The values of the environment's variables whose names say that they are secrets. */
export function secretVariables(env: Readonly<Record<string, string | undefined>>): readonly string[] {
  return Object.entries(env).flatMap(([name, value]) =>
    value !== undefined && SECRET_NAME.test(name) && !NO_SECRET.test(value) ? [value] : [],
  );
}

/** As it is written, and as it is sent. */
function passwordsIn(address: string): readonly string[] {
  const written = /\/\/[^/@]*?:(?<password>[^/]*)@/.exec(address)?.groups?.['password'];
  if (written === undefined) return [];
  try {
    return [written, decodeURIComponent(written)];
  } catch {
    return [written]; // A percent sign that escapes nothing.
  }
}
