import { LineCounter, isMap, isScalar, isSeq, parseDocument } from 'yaml';
import { yamlFault } from '../agent/yaml-fault.js';
import { shortened } from '../domain/quoted.js';
import { wrongConfiguration } from './cli-error.js';
import { didYouMean } from '../domain/did-you-mean.js';
import { SETTING_NAMES, type SettingName } from './settings.js';
import { oneLine } from './text-width.js';

export interface SettingsFileEntry {
  readonly text: string;
  readonly line: number;
}

/**
 * Reads ravenhelm.yaml: a map of settings by their names, in capitals or not (kafka_brokers: localhost:19092); lists
 * mean values separated by commas. Throws CliError with file and line for what is no setting or no plain value.
 */
export function parseSettingsFile(text: string, file: string): ReadonlyMap<SettingName, SettingsFileEntry> {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const fault = yamlFault(document);
  if (fault !== null)
    throw wrongConfiguration(`${file}:${lines.linePos(fault.offset).line}: ${fault.message}`, sentence(fault.fix));
  const entries = new Map<SettingName, SettingsFileEntry>();
  if (document.contents === null) return entries;
  if (!isMap(document.contents))
    throw wrongConfiguration(
      `${file}:1: the file must be a map of settings`,
      'Write lines such as kafka_brokers: localhost:19092',
    );
  for (const { key, value } of document.contents.items) {
    const line = isScalar(key) && key.range ? lines.linePos(key.range[0]).line : 1;
    const name = settingName(isScalar(key) ? String(key.value) : String(key), `${file}:${line}`);
    const plain = plainText(value);
    if (plain === null)
      throw wrongConfiguration(
        `${file}:${line}: ${name} must be one value or a list of values`,
        'Take the nested map away.',
      );
    if (plain !== '') entries.set(name, { text: plain, line });
  }
  return entries;
}

function sentence(words: string): string {
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}.`;
}

function settingName(key: string, place: string): SettingName {
  const found = SETTING_NAMES.find((name) => name === key.toUpperCase());
  if (found !== undefined) return found;
  const hint = didYouMean(
    key,
    SETTING_NAMES.map((name) => name.toLowerCase()),
  );
  throw wrongConfiguration(
    `${place}: ${shortened(oneLine(key))} is no setting`,
    [hint, 'ravenhelm config show lists them all.'].filter((part) => part !== null).join(' '),
  );
}

/** What YAML's core schema reads a scalar as. */
type PlainValue = string | number | bigint | boolean | null;

/** The text of a scalar or of a list of scalars; empty for null; null for anything else. */
function plainText(node: unknown): string | null {
  if (node === null) return '';
  if (isScalar<PlainValue>(node)) return node.value === null ? '' : String(node.value);
  if (!isSeq(node)) return null;
  const parts = node.items.map((item) => (isScalar(item) ? String(item.value) : null));
  return parts.includes(null) ? null : parts.join(',');
}
