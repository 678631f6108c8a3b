/** Each step writes a line into a ledger in the workspace, outside the swarm's own log. */
export const ledgerAgent = (name: string, seconds: number) => `---
name: ${name}
description: Writes a ledger, slowly.
phase: 1
depends_on: []
tools: [execute_terminal_command]
concurrency: 2
timeout_seconds: 120
max_steps: 20
playbooks:
  ledger:
    steps:
      - { name: one, command: echo ${name} one >> ledger.txt, unless: grep -q "${name} one" ledger.txt }
      - name: two
        command: echo ${name} two >> ledger.txt && sleep ${seconds} && touch ${name}.two
        unless: test -f ${name}.two
      - { name: three, command: echo ${name} three >> ledger.txt, unless: grep -q "${name} three" ledger.txt }
    changes: [ledger.txt]
    acceptance:
      - { name: all steps, command: test -f ${name}.two && grep -q "${name} three" ledger.txt }
---
You write a ledger.
`;

export const LEDGER_MISSION = `
name: ledger
brief: Write the ledger.
agents: [first_agent, second_agent]
plan:
  waves:
    - tasks:
        - { agent: first_agent, description: Write., playbook: ledger }
    - tasks:
        - { agent: second_agent, description: Write., playbook: ledger }
success:
  - { name: ledger is whole, command: test "$(grep -c three ledger.txt)" = 2 }
`;

export const LEDGER_AGENTS = ['first_agent', 'second_agent'];
