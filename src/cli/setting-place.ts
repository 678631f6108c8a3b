import type { Config, SettingOrigin } from './setting-origin.js';
import { SETTINGS, type SettingName } from './settings.js';

/** What a person changes to give a setting another value: where it came from, else its flag. */
export function settingPlace(config: Config, name: SettingName): string {
  const origin = originOf(config, name);
  if (origin === null || origin.source === 'default') return SETTINGS[name].flag?.split(' ')[0] ?? name;
  return origin.source === 'flag' || origin.source === 'environment' ? origin.place : `${name} in ${origin.place}`;
}

/** How a person takes a setting's value away, without a full stop. */
export function howToUnset(config: Config, name: SettingName): string {
  const origin = originOf(config, name);
  if (origin?.source === 'flag') return `Leave ${origin.place} ${origin.text ?? ''} out`;
  return origin?.source === 'environment'
    ? `Unset ${origin.place}`
    : `Take ${name} out of ${origin?.place ?? 'the configuration'}`;
}

function originOf({ origins }: Config, name: SettingName): SettingOrigin | null {
  return origins.find((origin) => origin.name === name) ?? null;
}
