/** Counters in the text format of Prometheus. */
export function createMetrics() {
  const counters = new Map();

  return {
    /** A counter by name; labels are the names of its labels, in order. */
    counter(name, help, labels = []) {
      const values = new Map();
      counters.set(name, { help, labels, values });
      return {
        /** Adds one; given has a value for each label. */
        add(given = {}) {
          const key = JSON.stringify(labels.map((label) => String(given[label])));
          values.set(key, (values.get(key) ?? 0) + 1);
        },
      };
    },

    /** What GET /metrics answers. */
    text() {
      const lines = [...counters].flatMap(([name, { help, labels, values }]) => [
        `# HELP ${name} ${help}`,
        `# TYPE ${name} counter`,
        ...[...values].map(([key, value]) => `${name}${labelText(labels, JSON.parse(key))} ${value}`),
      ]);
      return `${lines.join('\n')}\n`;
    },
  };
}

function labelText(labels, values) {
  if (labels.length === 0) return '';
  return `{${labels.map((label, index) => `${label}="${values[index]}"`).join(',')}}`;
}
