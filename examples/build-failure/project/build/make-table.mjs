import { readdirSync, readFileSync } from 'node:fs';

/** Gross prices by product and region; a product is sold in the regions that its file lists. */
export function makeTable(dir, regions, say) {
  const table = {};
  for (const file of readdirSync(dir).sort()) {
    const { sku, net, sold_in: soldIn } = JSON.parse(readFileSync(`${dir}/${file}`, 'utf8'));
    table[sku] = {};
    for (const name of soldIn) {
      if (name in regions) table[sku][name] = Math.round(net * (1 + Number(regions[name].vat)));
    }
    say(`${sku}: ${Object.keys(table[sku]).length} prices`);
  }
  return table;
}
