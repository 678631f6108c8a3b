import { join } from 'node:path';

import { loadExeca } from './load-execa.js';
import type { StackWorld } from './stack-place.js';

const LEAST_JAVA = 17;

export type JavaRuntime =
  | { readonly found: true; readonly java: string; readonly major: number }
  | { readonly found: false; readonly reason: string };

/** Looks in JAVA_HOME, then in PATH, and asks for the version, because macOS has a java that is only a placeholder. */
export async function findJava(env: StackWorld['env']): Promise<JavaRuntime> {
  const home = env['JAVA_HOME'];
  const candidates = [...(home === undefined || home === '' ? [] : [join(home, 'bin/java')]), 'java'];
  let reason = 'Java is not installed';
  for (const java of candidates) {
    const major = await majorVersion(java, env);
    if (major !== null && major >= LEAST_JAVA) return { found: true, java, major };
    if (major !== null) reason = `${java} is version ${major}, older than ${LEAST_JAVA}`;
  }
  return { found: false, reason };
}

async function majorVersion(java: string, env: StackWorld['env']): Promise<number | null> {
  const execa = await loadExeca();
  const { exitCode, stderr } = await execa(java, ['-version'], { reject: false, env, extendEnv: false });
  const major = /version "(?:1\.)?(\d+)/.exec(stderr ?? '')?.[1];
  return exitCode === 0 && major !== undefined ? Number(major) : null;
}
