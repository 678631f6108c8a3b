import type { Fault } from '../fault.js';
import { BROKER_FAULTS } from './brokers.js';
import { CLOCK_FAULTS } from './clocks.js';
import { NETWORK_FAULTS } from './network.js';
import { PROCESS_FAULTS } from './processes.js';
import { SERVER_FAULTS } from './servers.js';

export const FAULTS: readonly Fault[] = [...PROCESS_FAULTS, ...BROKER_FAULTS, ...NETWORK_FAULTS, ...SERVER_FAULTS, ...CLOCK_FAULTS];
