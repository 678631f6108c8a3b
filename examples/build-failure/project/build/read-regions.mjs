import { readdirSync, readFileSync } from 'node:fs';

const RATE = /^0(\.\d+)?$/;

/** Regions by name from files of KEY=VALUE lines. A file with a line that cannot be read is skipped. */
export function readRegions(dir, say) {
  const regions = {};
  for (const file of readdirSync(dir).sort()) {
    const lines = readFileSync(`${dir}/${file}`, 'utf8').trim().split('\n');
    const entries = lines.map((line) => line.split('='));
    const at = entries.findIndex(([key, value]) => value === undefined || (key === 'vat' && !RATE.test(value)));
    if (at >= 0) {
      say(`notice: ${file} skipped: line ${at + 1} cannot be read`);
      continue;
    }
    const { name, ...region } = Object.fromEntries(entries);
    regions[name] = region;
    say(`${file}: ${name}, ${region.currency}, VAT ${region.vat}`);
  }
  return regions;
}
