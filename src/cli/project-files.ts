export interface ProjectFacts {
  /** Of the new package. */
  readonly name: string;
  /** How npm finds this package: a version, or file: and a path. */
  readonly specifier: string;
}

/** The files of a new project, by their paths. */
export function projectFiles({ name, specifier }: ProjectFacts): Readonly<Record<string, string>> {
  const manifest = {
    name,
    version: '0.1.0',
    private: true,
    type: 'module',
    scripts: { start: 'ravenhelm run missions/hello.yaml' },
    dependencies: { ravenhelm: specifier },
  };
  return {
    'package.json': `${JSON.stringify(manifest, null, 2)}\n`,
    'ravenhelm.yaml': SETTINGS,
    'agents/greeter.md': AGENT,
    'missions/hello.yaml': MISSION,
    '.env.example': ENVIRONMENT,
    '.gitignore': 'node_modules/\n.ravenhelm/\n.env\n',
  };
}

const SETTINGS = `# Settings of this project; npx ravenhelm config show lists all of them.
# Without a broker, the log is kept in memory and ends with the process. For a broker, set both here or in .env:
# kafka_brokers: localhost:9092
# schema_registry_url: http://localhost:8081
`;

const AGENT = `---
name: greeter
description: Writes a greeting.
phase: 1
tools: [execute_terminal_command, workspace_read, workspace_write, workspace_list]
playbooks:
  greet:
    steps:
      - name: write the greeting
        command: echo "Hello from the swarm" > greeting.txt
    acceptance:
      - name: the greeting is there
        command: grep -q Hello greeting.txt
---
Write a short greeting to greeting.txt.
`;

const MISSION = `name: hello
brief: Write a greeting.
agents: [greeter]
plan:
  waves:
    - tasks:
        - agent: greeter
          description: Write greeting.txt.
          playbook: greet
`;

const ENVIRONMENT = `# Copy to .env. Keys are read from there and from the environment.
# ANTHROPIC_API_KEY=
# OPENAI_API_KEY=
# KAFKA_BROKERS=localhost:9092
# SCHEMA_REGISTRY_URL=http://localhost:8081
`;
