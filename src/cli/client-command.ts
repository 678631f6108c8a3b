import type { CommandContext } from './context.js';
import { SETTINGS, type SettingName } from './settings.js';

const CONNECTION: readonly SettingName[] = ['KAFKA_BROKERS', 'SCHEMA_REGISTRY_URL', 'RAVENHELM_PREFIX'];

/** A command for another terminal, with the flags that this one was given to find the same swarm. */
export function clientCommand(context: CommandContext, words: string): string {
  return ['npx ravenhelm', words, ...connectionFlags(context)].join(' ');
}

/** The flags by which this command finds its swarm, with their values. */
export function connectionFlags({ config }: CommandContext): readonly string[] {
  return config.origins.flatMap((origin) => {
    const flag = SETTINGS[origin.name].flag?.split(' ')[0];
    return origin.source === 'flag' && CONNECTION.includes(origin.name) && flag !== undefined
      ? [`${flag} ${origin.text ?? ''}`]
      : [];
  });
}
