// Prints the milliseconds from createSwarm to the first verified task, and to the end of close(), one line a swarm.
import { createClient, createSwarm, defineAgent, memoryLog } from 'ravenhelm';

const greeter = defineAgent({
  name: 'greeter',
  description: 'Writes greetings.',
  prompt: 'Write a greeting.',
  playbooks: {
    greet: {
      steps: [{ name: 'write', command: 'echo hello > greeting.txt' }],
      acceptance: [{ name: 'it is there', command: 'grep -q hello greeting.txt' }],
    },
  },
});
const tasks = [{ agent: 'greeter', description: 'Greet.', playbook: 'greet' }];

for (let run = 0; run < Number(process.argv[2] ?? 20); run += 1) {
  const startedMs = performance.now();
  const swarm = await createSwarm({ log: memoryLog(), agents: [greeter] });
  const createdMs = performance.now() - startedMs;
  const client = createClient(swarm);
  let verifiedMs = 0;
  const report = await client.run(
    { name: 'greet', brief: 'Greet.', plan: { waves: [{ tasks }] } },
    {
      onEvent(_event, { tasks: [task] }) {
        if (task?.status === 'verified' && verifiedMs === 0) verifiedMs = performance.now() - startedMs;
      },
    },
  );
  if (report.status !== 'completed' || verifiedMs === 0) throw new Error(JSON.stringify(report));
  await client.close();
  await swarm.close();
  const closedMs = performance.now() - startedMs;
  console.log(JSON.stringify({ createdMs, verifiedMs, closedMs }));
}
