import type { SettingName, Settings } from './settings.js';

/** Where a value came from, strongest first. */
export type SettingSource = 'flag' | 'environment' | '.env' | 'file' | 'default';

export interface Config {
  readonly values: Settings;
  /** One for each setting, in the order in which they are shown. */
  readonly origins: readonly SettingOrigin[];
  /** Variables that are near a setting's name and are ignored, for people. */
  readonly warnings: readonly string[];
}

export interface SettingOrigin {
  readonly name: SettingName;
  /** As it was written, paths made absolute; null when it is not set. */
  readonly text: string | null;
  readonly source: SettingSource;
  /** The flag, variable or file and line that a person would change. */
  readonly place: string;
}
