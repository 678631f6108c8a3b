/**
 * The dashboards of deploy/grafana, made with Grafana's own builders (npm run grafana). Every query uses metrics of
 * docs/metrics.md or recording rules of deploy/prometheus; a test asks a real Prometheus each of them.
 */
import dashboard from '@grafana/grafana-foundation-sdk/dashboard';
import prometheus from '@grafana/grafana-foundation-sdk/prometheus';
import stat from '@grafana/grafana-foundation-sdk/stat';
import table from '@grafana/grafana-foundation-sdk/table';
import tempo from '@grafana/grafana-foundation-sdk/tempo';
import timeseries from '@grafana/grafana-foundation-sdk/timeseries';

/** As deploy/grafana/provisioning/datasources/ravenhelm.yml has them. */
const PROMETHEUS = { type: 'prometheus', uid: 'ravenhelm-prometheus' };
const TEMPO = { type: 'tempo', uid: 'ravenhelm-tempo' };

const HEIGHT = 8;
const WIDTH = 8;

const query = ([legend, expr]) => new prometheus.DataqueryBuilder().expr(expr).legendFormat(legend);

function panel(builder, { title, text, unit, queries }) {
  const made = builder.title(title).description(text).datasource(PROMETHEUS).height(HEIGHT).span(WIDTH).unit(unit);
  return queries.reduce((all, each) => all.withTarget(query(each)), made);
}

const graph = (title, text, unit, ...queries) => panel(new timeseries.PanelBuilder(), { title, text, unit, queries });
const number = (title, text, unit, ...queries) => panel(new stat.PanelBuilder(), { title, text, unit, queries });

const p95 = (name, by) => `histogram_quantile(0.95, sum by (${by}, le) (rate(${name}_bucket[5m])))`;

const build = (title, uid, text, rows) => {
  const made = new dashboard.DashboardBuilder(title)
    .uid(uid)
    .description(text)
    .tags(['ravenhelm'])
    .refresh('30s')
    .time({ from: 'now-6h', to: 'now' });
  for (const [name, panels] of rows) {
    made.withRow(new dashboard.RowBuilder(name));
    for (const each of panels) made.withPanel(each);
  }
  return `${JSON.stringify(made.build(), null, 2)}\n`;
};

export const swarmDashboard = () =>
  build('Ravenhelm: swarm', 'ravenhelm-swarm', 'What the processes of a swarm do.', [
    [
      'Missions and people',
      [
        number('Open missions', 'By state.', 'short', ['{{state}}', 'sum by (state) (ravenhelm_missions)']),
        number('Longest wait for a person', 'Of all open missions.', 's', [
          '{{reason}}',
          'max by (reason) (ravenhelm_waiting_for_person_longest_seconds)',
        ]),
        graph('Missions that wait for a person', 'By what they wait for.', 'short', [
          '{{reason}}',
          'sum by (reason) (ravenhelm_missions_waiting_for_person)',
        ]),
      ],
    ],
    [
      'Tasks',
      [
        graph('Attempts that ended', 'A second, by result.', 'ops', [
          '{{agent}} {{result}}',
          'sum by (agent, result) (rate(ravenhelm_tasks_executed_total[5m]))',
        ]),
        graph(
          'In flight and queued',
          'Attempts with a slot, and those that wait for one.',
          'short',
          ['{{agent}} running', 'sum by (agent) (ravenhelm_tasks_running)'],
          ['{{agent}} queued', 'sum by (agent) (ravenhelm_tasks_queued)'],
        ),
        graph('Wait for a slot, 95 %', 'By agent.', 's', ['{{agent}}', p95('ravenhelm_task_queue_seconds', 'agent')]),
        graph('Steps', 'A second, by outcome, such as a failed command or a failed check.', 'ops', [
          '{{outcome}}',
          'sum by (outcome) (rate(ravenhelm_steps_total[5m]))',
        ]),
        graph('Step, 95 %', 'Time of the tool or the checks.', 's', [
          '{{agent}}',
          p95('ravenhelm_step_seconds', 'agent'),
        ]),
        graph('In the sandbox, 95 %', 'Commands, writes and checks.', 's', [
          '{{use}}',
          p95('ravenhelm_sandbox_seconds', 'use'),
        ]),
      ],
    ],
    [
      'Log',
      [
        graph('Append, 95 %', 'To its acknowledgement.', 's', [
          '{{appender}}',
          p95('ravenhelm_append_seconds', 'appender'),
        ]),
        graph('Append to read-back, 95 %', 'Nothing is done before it.', 's', [
          '{{appender}}',
          p95('ravenhelm_read_back_seconds', 'appender'),
        ]),
        graph('Unfinished work', 'Records that a take-over would read.', 'short', [
          '{{topic}}',
          'sum by (topic) (ravenhelm_replay_lag_records)',
        ]),
        graph('Held partitions', 'By topic.', 'short', ['{{topic}}', 'sum by (topic) (ravenhelm_held_partitions)']),
      ],
    ],
    [
      'Traces',
      [
        new table.PanelBuilder()
          .title('Slowest attempts')
          .description('From Tempo; open one to see its chats, calls and checks.')
          .datasource(TEMPO)
          .height(HEIGHT)
          .span(WIDTH * 3)
          .withTarget(
            new tempo.DataqueryBuilder()
              .queryType('traceql')
              .query('{ span.gen_ai.operation.name = "invoke_agent" && duration > 1m }'),
          ),
      ],
    ],
  ]);

export const missionsDashboard = () =>
  build('Ravenhelm: missions and cost', 'ravenhelm-missions', 'How missions end, and what they cost.', [
    [
      'Missions',
      [
        graph('Missions that ended', 'An hour, by status.', 'short', [
          '{{status}}',
          'sum by (status) (rate(ravenhelm_mission_seconds_count[1h])) * 3600',
        ]),
        graph('Time of a mission, 95 %', 'From the request to the end.', 's', [
          '{{status}}',
          'histogram_quantile(0.95, sum by (status, le) (rate(ravenhelm_mission_seconds_bucket[1h])))',
        ]),
        graph('Checks', 'A second, by result.', 'ops', [
          '{{result}}',
          'sum by (result) (rate(ravenhelm_checks_total[5m]))',
        ]),
      ],
    ],
    [
      'Budgets',
      [
        number('Highest use of a budget', 'Of all open missions.', 'percentunit', [
          '{{limit}}',
          'max by (limit) (ravenhelm_budget_used_highest_ratio)',
        ]),
        graph(
          "Cost beside the planner's price",
          'Dollars an hour, of missions that have ended and have an estimate.',
          'currencyUSD',
          ['cost', 'sum(rate(ravenhelm_mission_cost_usd_total{estimate="yes"}[1h])) * 3600'],
          ["at the planner's price", 'sum(rate(ravenhelm_mission_cost_at_planner_price_usd_total[1h])) * 3600'],
        ),
        number('Spent today', 'Against the daily cap.', 'currencyUSD', ['dollars', 'sum(ravenhelm_spent_today_usd)']),
        number('Tokens today', 'Against the daily cap.', 'short', ['tokens', 'sum(ravenhelm_spent_today_tokens)']),
      ],
    ],
    [
      'Models',
      [
        graph('Call of a model, 95 %', 'To the last token.', 's', [
          '{{model}}',
          p95('ravenhelm_model_call_seconds', 'model'),
        ]),
        graph('Tokens', 'A second.', 'short', [
          '{{model}} {{direction}}',
          'sum by (model, direction) (rate(ravenhelm_model_tokens_total[5m]))',
        ]),
        graph('Cost', 'Dollars an hour, by the prices of models.yaml.', 'currencyUSD', [
          '{{model}}',
          'sum by (model) (rate(ravenhelm_model_cost_usd_total[1h])) * 3600',
        ]),
        graph('Replies', 'A second: read, repaired, or why one could not be used.', 'ops', [
          '{{model}} {{result}}',
          'sum by (model, result) (rate(ravenhelm_replies_total[5m]))',
        ]),
        graph('Circuits', '1: the state of an endpoint.', 'short', [
          '{{endpoint}} {{state}}',
          'max by (endpoint, state) (ravenhelm_circuit_state)',
        ]),
      ],
    ],
  ]);
