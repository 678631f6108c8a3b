// A swarm inside another program: one agent, one mission, the log in memory. Run it with: node examples/embed.mjs
import { createClient, createSwarm, defineAgent, memoryLog } from 'ravenhelm';

const steps = [{ name: 'write the greeting', command: 'echo "Hello from $(hostname)" > greeting.txt' }];
const acceptance = [{ name: 'the greeting is there', command: 'grep -q Hello greeting.txt' }];
const greeter = defineAgent({
  name: 'greeter',
  description: 'Writes greetings.',
  playbooks: { greet: { steps, acceptance } },
});
const swarm = await createSwarm({ log: memoryLog(), agents: [greeter] });
const client = createClient(swarm);
const tasks = [{ agent: 'greeter', description: 'Greet the reader.', playbook: 'greet' }];
const report = await client.run({ name: 'hello', brief: 'Say hello.', plan: { waves: [{ tasks }] } });
console.log(`${report.status}: ${report.tasks.map((task) => `${task.task_id} ${task.status}`).join(', ')}`);
await client.close();
await swarm.close();
