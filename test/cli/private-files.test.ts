import { privateFilesOf } from '../../src/cli/from-settings.js';
import { SETTING_NAMES, SETTINGS, type SettingName } from '../../src/cli/settings.js';

test('no file with a private key that a setting names may be mounted', () => {
  const names = SETTING_NAMES.filter((name) => name.endsWith('_KEY') && SETTINGS[name].path === true);
  expect(names).toEqual(expect.arrayContaining<SettingName>(['KAFKA_TLS_KEY', 'OPERATOR_KEY']));
  const none = { KAFKA_TLS_KEY: null, OPERATOR_KEY: null };
  expect(privateFilesOf(none)).toEqual([]);
  for (const name of names) expect(privateFilesOf({ ...none, [name]: `/keys/${name}` })).toEqual([`/keys/${name}`]);
});
