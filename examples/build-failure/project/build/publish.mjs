import { statSync } from 'node:fs';

/** Names what would be published, with its size. */
export function publish(file, say) {
  const { size } = statSync(file);
  say(`${file}, ${size} bytes`);
}
