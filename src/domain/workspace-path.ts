/** Where checks run; the sandbox mounts the workspace there. */
export const WORKSPACE_MOUNT = '/workspace';

/** PATH_MAX of Linux: no longer text is a path. */
export const PATH_MAX = 4096;

/**
 * A path as one relative to the workspace, without . and ..; empty for the workspace itself. null for what is outside
 * of it, or no path. Nothing is looked up: links are not followed.
 * @param directory what a relative path starts from, relative to the workspace; null: elsewhere
 */
export function workspacePath(text: string, directory: string | null = ''): string | null {
  if (text === '' || /[\0\n]/.test(text) || text.startsWith('~')) return null;
  const isAbsolute = text.startsWith('/');
  if (isAbsolute && text !== WORKSPACE_MOUNT && !text.startsWith(`${WORKSPACE_MOUNT}/`)) return null;
  if (!isAbsolute && directory === null) return null;
  const whole = isAbsolute ? text.slice(WORKSPACE_MOUNT.length) : `${directory ?? ''}/${text}`;
  const parts: string[] = [];
  for (const part of whole.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') parts.push(part);
    else if (parts.pop() === undefined) return null;
  }
  return parts.join('/');
}

/** The same for a path of a plan, where the empty text is the workspace already; null: it is outside, or no path. */
export const plannedPath = (text: string): string | null => (text === '' ? '' : workspacePath(text));
