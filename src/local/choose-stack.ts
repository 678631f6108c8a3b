import { access, readdir } from 'node:fs/promises';
import { join } from 'node:path';

import { findDockerEngine } from './docker-engine.js';
import { findJava } from './java-runtime.js';
import { isMissing } from './os-process.js';
import type { StackPlace, StackWorld } from './stack-place.js';

export type StackChoice =
  | { readonly kind: 'docker' }
  | { readonly kind: 'java'; readonly java: string }
  /** reason and howToGetOne are shown to the user. */
  | { readonly kind: 'none'; readonly reason: string; readonly howToGetOne: string };

/** How a local broker can run here: with a Docker engine that answers, else with Java and the jars, else not at all. */
export async function chooseStack(place: StackPlace, env: StackWorld['env']): Promise<StackChoice> {
  const engine = await findDockerEngine(env);
  return engine.answers ? { kind: 'docker' } : chooseJava(place, env, engine.reason);
}

/** Considers only Java, for a stack whose other half already runs on Java. The reason starts with whyNotDocker. */
export async function chooseJava(
  place: StackPlace,
  env: StackWorld['env'],
  whyNotDocker: string,
): Promise<Exclude<StackChoice, { kind: 'docker' }>> {
  const [runtime, jars] = await Promise.all([findJava(env), hasJars(place)]);
  if (runtime.found && jars) return { kind: 'java', java: runtime.java };
  const whyNotJava = runtime.found ? 'the jars of Kafka and its registry are missing' : runtime.reason;
  return {
    kind: 'none',
    reason: `${whyNotDocker}, and ${whyNotJava}`,
    howToGetOne: howToGetOne(place, runtime.found),
  };
}

/** Only a clone has the setup, which fetches the jars. */
function howToGetOne({ cloneDir, packageDir }: StackPlace, hasRuntime: boolean): string {
  if (cloneDir !== packageDir) return 'start Docker, or set KAFKA_BROKERS and SCHEMA_REGISTRY_URL';
  return hasRuntime ? 'npm run setup' : 'start Docker, or install Java 17 and Maven, then npm run setup';
}

/** Setup writes complete.json after Maven has fetched all files. */
async function hasJars(place: StackPlace): Promise<boolean> {
  try {
    await access(join(place.jarsDir, 'complete.json'));
    return (await readdir(join(place.jarsDir, 'kafka'))).some((name) => name.startsWith('kafka_'));
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}
