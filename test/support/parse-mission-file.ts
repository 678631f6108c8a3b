import { openMissionFile, type MissionFile } from '../../src/agent/mission-file.js';
import type { Roster } from '../../src/agent/roster.js';

/** Reads a mission file whose inputs need no values. Throws ConfigError with the line and column of every problem. */
export const parseMissionFile = (content: string, fileName: string, roster: Roster): MissionFile =>
  openMissionFile(content, fileName, roster).withInputs([]);
