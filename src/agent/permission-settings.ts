/** Permissions as agents' files and programs write them. */
import { z } from 'zod';
import { quoted } from '../domain/quoted.js';
import { isWithin, wrongMountPath } from '../domain/sandbox-paths.js';
import { textWithin } from './checked-values.js';
import type { Problem } from './config-error.js';
import { repeated } from './repeated.js';
import type { YamlSource } from './yaml-source.js';

const MOST = 100;

/** Like a variable of the environment, which may have its value. */
const secretName = z
  .string()
  .regex(/^[A-Z][A-Z0-9_]*$/, "a secret's name must be upper-case letters, digits and _, starting with a letter")
  .max(MOST, `a secret's name must have at most ${MOST} characters`)
  .refine((name) => !name.endsWith('_FILE'), 'must not end in _FILE: that variable names the file of a secret')
  .refine((name) => !/^(?:KAFKA|SCHEMA_REGISTRY|RAVENHELM)_/.test(name), {
    error: "must not be the swarm's own: an agent with it could write any event",
  });

/** Whether an agent's file may name such a secret. */
export const isSecretName = (name: string): boolean => secretName.safeParse(name).success;

const mountSchema = z.strictObject({
  path: textWithin(1_000).superRefine((path, context) => {
    const wrong = wrongMountPath(path);
    if (wrong !== null) context.addIssue({ code: 'custom', message: wrong });
  }),
  mode: z.literal('ro'),
});

/** The keys of permissions in an agent's file. */
export const PERMISSION_KEYS = {
  secrets: z.array(secretName).max(MOST, `must have at most ${MOST} secrets`).default([]),
  mounts: z.array(mountSchema).max(MOST, `must have at most ${MOST} mounts`).default([]),
  docker: z.boolean().default(false),
};

type PermissionMatter = z.output<z.ZodObject<typeof PERMISSION_KEYS>>;

/** What is wrong with valid keys together. */
export function permissionProblems<T>(
  { secrets, mounts }: PermissionMatter,
  source: YamlSource<T>,
): readonly Problem[] {
  return [
    ...repeated(secrets).map((index) =>
      source.problemAt(['secrets', index], `the secret ${quoted(secrets[index] ?? '')} is named twice`, 'name it once'),
    ),
    ...mounts.flatMap(({ path }, index) => {
      const outer = mounts.find(
        (other, at) => at !== index && isWithin(path, other.path) && (path !== other.path || at < index),
      );
      return outer === undefined
        ? []
        : [
            source.problemAt(
              ['mounts', index],
              `${quoted(path)} is in the mount ${quoted(outer.path)}`,
              'name one of them',
            ),
          ];
    }),
  ];
}
