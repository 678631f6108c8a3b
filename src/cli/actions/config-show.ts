import { shownValue } from '../config.js';
import type { CommandContext } from '../context.js';
import { EXIT, type ExitCode } from '../exit-codes.js';
import { table } from '../table.js';

/** Each setting, its value and where it came from; secrets masked. */
export async function showConfig(context: CommandContext): Promise<ExitCode> {
  const settings = context.config.origins.map((origin) => ({
    name: origin.name,
    value: shownValue(origin),
    source: origin.source,
    place: origin.place,
  }));
  if (context.json) context.print(settings);
  else {
    const rows = settings.map(({ name, value, source, place }) => [
      name,
      value ?? '(not set)',
      source,
      source === '.env' || source === 'file' || source === 'flag' ? place : '',
    ]);
    context.host.stdout.write(table([['SETTING', 'VALUE', 'FROM', ''], ...rows]));
  }
  return EXIT.done;
}
