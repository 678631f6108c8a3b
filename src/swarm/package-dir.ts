import { fileURLToPath } from 'node:url';

/** Where the installed package lies, with schemas/, topics.yaml, models.yaml and toolbox/; absolute. */
export const PACKAGE_DIR = fileURLToPath(new URL('../../', import.meta.url)).replace(/[\\/]$/, '');
