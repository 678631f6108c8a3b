import { oneLine, padToWidth, textWidth } from './text-width.js';

/** Rows in columns as wide as their widest cell; the last column is not padded. Lines end in line breaks. */
export function table(rows: readonly (readonly string[])[]): string {
  const cleaned = rows.map((row) => row.map(oneLine));
  const widths: number[] = [];
  for (const row of cleaned)
    row.forEach((cell, index) => (widths[index] = Math.max(widths[index] ?? 0, textWidth(cell))));
  return cleaned
    .map(
      (row) =>
        `${row
          .map((cell, index) => (index === row.length - 1 ? cell : padToWidth(cell, widths[index] ?? 0)))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}
