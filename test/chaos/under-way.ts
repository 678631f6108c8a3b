import { isOpen, type Mission } from '../../src/domain/mission-state.js';

/** Whether the log knows the mission and it has not ended. */
export const isUnderWay = (mission: Mission | null): boolean => mission !== null && isOpen(mission);
