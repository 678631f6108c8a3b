import { mkdirSync, writeFileSync } from 'node:fs';

/** Writes dist/prices.json. */
export function pack(table, say) {
  mkdirSync('dist', { recursive: true });
  writeFileSync('dist/prices.json', `${JSON.stringify(table, null, 2)}\n`);
  say(`dist/prices.json: ${Object.keys(table).length} products`);
}
