/** The value of --role: one role or several, separated by commas or given again. */
import { InvalidArgumentError } from 'commander';
import { didYouMean } from '../domain/did-you-mean.js';

export const ROLES = ['orchestrator', 'worker'] as const;
export type RoleName = (typeof ROLES)[number];

/** Throws InvalidArgumentError for a name that is no role, is missing or was given before. */
export function roleList(text: string, before: readonly RoleName[] | undefined): readonly RoleName[] {
  return text
    .split(',')
    .reduce<readonly RoleName[]>((roles, word) => [...roles, roleNamed(word.trim(), roles)], [...(before ?? [])]);
}

function roleNamed(word: string, before: readonly RoleName[]): RoleName {
  const role = ROLES.find((name) => name === word);
  const choices = `The roles: ${ROLES.join(', ')}.`;
  if (word === '') throw new InvalidArgumentError(`A role is missing. ${choices}`);
  if (role === undefined) {
    const meant = word === 'all' ? 'For all roles: ravenhelm serve.' : didYouMean(word, ROLES);
    throw new InvalidArgumentError([`${word} is no role.`, meant ?? choices].join(' '));
  }
  if (before.includes(role)) throw new InvalidArgumentError(`${role} is named twice. Name it once.`);
  return role;
}
