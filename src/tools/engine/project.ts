/** The compose project of a mission: all that its agents make in an engine has its label and its name. */
import type { RunPlace } from '../places.js';
import type { Limits } from '../../domain/limits.js';

export const PROJECT_LABEL = 'com.docker.compose.project';

/** For whom a request is judged. */
export interface Project {
  readonly name: string;
  /** The workspace's path for the engine; absolute, without links. */
  readonly workspace: string;
  /** Whether the workspace has the swarm's state: then no container may mount it. */
  readonly holdsState: boolean;
  /** Whether containers may write to the workspace: not while checks run. */
  readonly mayWrite: boolean;
  /** uid:gid of the workspace's owner, as whom containers may write to it. */
  readonly user: string;
  /** Of each container. */
  readonly limits: Pick<Limits, 'memory_mb' | 'processes'>;
}

/** As compose takes it: lower-case letters, digits, - and _. */
export function projectName(missionId: string): string {
  return `ravenhelm-${missionId.toLowerCase().replaceAll(/[^a-z0-9_-]/g, '-')}`;
}

export function projectOf(
  { missionId, mayWrite }: { readonly missionId: string; readonly mayWrite: boolean },
  place: RunPlace,
  limits: Project['limits'],
): Project {
  const { workspace, holdsState, account } = place;
  const user = account ?? { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  return { name: projectName(missionId), workspace, holdsState, mayWrite, user: `${user.uid}:${user.gid}`, limits };
}

/** Whether a container, network or volume may have this name: no other program's names can be taken. */
export function isProjectName(name: string, { name: project }: Pick<Project, 'name'>): boolean {
  // Compose renames a container that it replaces to ID_NAME.
  const own = name.replace(/^[0-9a-f]{12}_/, '');
  return /^[\w.-]+$/.test(own) && (own.startsWith(`${project}-`) || own.startsWith(`${project}_`));
}
