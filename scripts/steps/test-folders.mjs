/** Folders of test/ that reach src/domain, src/agent and src/roles; the other unit tests reach little more of them. */
export const COVERING_FOLDERS = ['agent', 'client', 'domain', 'eval', 'memory', 'roles', 'swarm'];
