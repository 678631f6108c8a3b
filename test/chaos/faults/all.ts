import type { Fault } from '../fault.js';
import { BROKER_FAULTS } from './brokers.js';
import { CLOCK_FAULTS } from './clocks.js';
import { DISK_FAULTS } from './disk.js';
import { FOREIGN_FAULTS } from './foreign.js';
import { MEMBER_FAULTS } from './members.js';
import { NETWORK_FAULTS } from './network.js';
import { PROCESS_FAULTS } from './processes.js';
import { RIGHT_FAULTS } from './rights.js';
import { SERVER_FAULTS } from './servers.js';
import { TOPIC_FAULTS } from './topics.js';

/** Every fault that there is; --list shows them in this order. */
export const FAULTS: readonly Fault[] = [
  ...PROCESS_FAULTS,
  ...BROKER_FAULTS,
  ...NETWORK_FAULTS,
  ...SERVER_FAULTS,
  ...CLOCK_FAULTS,
  ...TOPIC_FAULTS,
  ...FOREIGN_FAULTS,
  ...RIGHT_FAULTS,
  ...DISK_FAULTS,
  ...MEMBER_FAULTS,
];
