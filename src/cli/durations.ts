/** A duration as people read it: 0:07, 12:30, 1:02:03. Rounds down, so that a shown second has passed. */
export function shortDuration(durationMs: number): string {
  const seconds = Math.max(0, Math.floor(durationMs / 1000));
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const shown = parts[0] === 0 ? parts.slice(1) : parts;
  return shown.map((part, index) => (index === 0 ? String(part) : String(part).padStart(2, '0'))).join(':');
}

/** As exactly as it matters: 12 ms, 0.4 s, 12.3 s, then as shortDuration. */
export function measuredDuration(durationMs: number): string {
  if (durationMs < 100) return `${Math.max(0, Math.round(durationMs))} ms`;
  return durationMs < 60_000 ? `${(durationMs / 1000).toFixed(1)} s` : shortDuration(durationMs);
}

export function shownUsd(usd: number): string {
  return usd > 0 && usd < 0.01 ? '<$0.01' : `$${usd.toFixed(2)}`;
}

/** For how long, when the seconds do not matter: 40 s, 4 min, 2 h, 3 d. */
export function roughDuration(durationMs: number): string {
  const seconds = Math.max(0, Math.floor(durationMs / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  return seconds < 86_400 ? `${Math.floor(seconds / 3600)} h` : `${Math.floor(seconds / 86_400)} d`;
}
