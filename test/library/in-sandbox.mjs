// Runs a task that completes in the sandbox only, and prints how its mission ended.
import { createClient, createSwarm, defineAgent, memoryLog } from 'ravenhelm';

const steps = [{ name: 'look', command: 'test "$WORKSPACE" = /workspace' }];
const agent = defineAgent({ name: 'looker', description: 'Looks.', playbooks: { look: { steps } } });
const swarm = await createSwarm({ log: memoryLog(), agents: [agent] });
const client = createClient(swarm);
const plan = { waves: [{ tasks: [{ agent: 'looker', description: 'Look.', playbook: 'look' }] }] };
const { status, sandbox_off } = await client.run({ name: 'look', brief: 'Look.', retries: 0, plan });
console.log(JSON.stringify({ status, sandbox_off }));
await client.close();
await swarm.close();
