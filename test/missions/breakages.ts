/** One meaningful way to break one artefact, and the check that must notice. */
export interface Breakage {
  /** What is wrong, in words. */
  readonly what: string;
  /** Shell command that breaks a finished workspace. */
  readonly by: string;
  /** The agent whose check it is; mission: a success check of the mission. */
  readonly agent: string;
  readonly check: string;
  /** What the check must say. */
  readonly says: RegExp;
}

const issue = (days: number) =>
  'openssl req -new -config certs/openssl.cnf -key certs/server.key -out /tmp/s.csr && ' +
  `openssl x509 -req -in /tmp/s.csr -CA certs/ca.crt -CAkey certs/ca.key -set_serial 7 -days ${days} -sha256 ` +
  '-extfile certs/openssl.cnf -extensions server -out certs/server.crt';
/** Only openssl ca lets one choose the dates. */
const expire =
  `printf '[ca]\\ndefault_ca = own\\n[own]\\ndatabase = /tmp/issued\\nnew_certs_dir = /tmp\\nserial = ` +
  `/tmp/serial\\npolicy = any\\n[any]\\ncommonName = supplied\\n' > /tmp/ca.cnf && : > /tmp/issued && echo 07 > ` +
  '/tmp/serial && ' +
  'openssl req -new -config certs/openssl.cnf -key certs/server.key -out /tmp/s.csr && openssl ca -batch -config ' +
  '/tmp/ca.cnf -in /tmp/s.csr -cert certs/ca.crt -keyfile certs/ca.key -md sha256 ' +
  '-startdate 20200101000000Z -enddate 20210101000000Z -notext -extfile certs/openssl.cnf -extensions server ' +
  '-out certs/server.crt';
const newKey = (file: string) =>
  `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out /tmp/new.key && cat /tmp/new.key > ${file}`;
/** Edits a JSON file by a JavaScript statement over doc. */
const edit = (file: string, statement: string) =>
  `node -e 'const fs = require("fs"); const doc = JSON.parse(fs.readFileSync("${file}", "utf8")); ${statement}; ` +
  `fs.writeFileSync("${file}", JSON.stringify(doc))'`;
const secret = '$(sed -n s/^REDIS_PASSWORD=//p .env)';

const certificates = { agent: 'cert_agent' };
const environment = { agent: 'env_agent', check: '.env has every key, no placeholder, strong secrets and mode 600' };
const migrations = {
  agent: 'database_agent',
  check: 'the migrations apply twice to Postgres, Muninn recalls and the LangFuse database is there',
};
const routes = { agent: 'proxy_agent', check: 'each of the seven services has a route that the certificate serves' };
const tls = { agent: 'proxy_agent', check: 'the certificates that Traefik serves exist with their keys' };
const entryPoints = {
  agent: 'proxy_agent',
  check: 'the entry points redirect to TLS and nothing is exposed by itself',
};
const redis = { agent: 'cache_agent', check: 'Redis starts with this file, appends to disk and is bounded' };
const nats = { agent: 'cache_agent', check: 'NATS has JetStream and takes its user from .env' };
const sealed = {
  agent: 'secrets_agent',
  check: 'the encrypted secrets decrypt to .env with the key, and with no other',
};
const leaks = { agent: 'secrets_agent', check: 'no secret stands outside .env and the encrypted file' };
const topics = { agent: 'events_agent', check: "the plan has the swarm's fifteen topics and the script creates them" };
const prometheus = {
  agent: 'observability_agent',
  check: "Prometheus scrapes the platform's services and its rules have expressions",
};
const grafana = { agent: 'observability_agent', check: "Grafana's dashboards ask data sources that are provisioned" };
const services = {
  agent: 'docker_agent',
  check: 'every service is there, pinned to a version, and those with a route expose its port',
};
const references = { agent: 'docker_agent', check: 'what services refer to is declared, and variables are in .env' };
const files = {
  agent: 'docker_agent',
  check: 'files exist, but for those that agents of this wave and later ones still write',
};
const index = { agent: 'rag_agent', check: 'the index holds every text file made before it, as it is now' };
const graph = {
  agent: 'graph_agent',
  check: "the graph is the compose file's, has no cycle, and its start order respects every dependency",
};
const links = {
  agent: 'hlidskjalf_agent',
  check: 'every link of the status page is alive and every artefact is linked',
};

export const BREAKAGES: readonly Breakage[] = [
  {
    ...certificates,
    check: 'the certificate names the seven services',
    what: 'a wrong SAN',
    by: `sed -i s/lab.ravenhelm/lap.ravenhelm/ certs/openssl.cnf && ${issue(397)}`,
    says: /lacks the name lab\.ravenhelm\.localhost/,
  },
  {
    ...certificates,
    check: 'the CA issued the server certificate',
    what: 'a server certificate of another CA',
    by:
      `cp certs/ca.crt /tmp/ca.crt && ${newKey('certs/ca.key')} && openssl req -new -x509 -config ` +
      `certs/openssl.cnf -extensions ca -key certs/ca.key -days 3650 -out certs/ca.crt && ${issue(397)} && cat ` +
      '/tmp/ca.crt > certs/ca.crt',
    says: /was not issued by certs\/ca\.crt/,
  },
  {
    ...certificates,
    check: 'the CA issued the server certificate',
    what: 'a server certificate that is a CA itself',
    by:
      `sed -i 's/CA:FALSE/CA:TRUE/; s/digitalSignature/digitalSignature, keyCertSign/' certs/openssl.cnf && ` +
      `${issue(397)}`,
    says: /is a CA itself/,
  },
  {
    ...certificates,
    check: 'the private keys belong to the certificates and are private',
    what: 'a swapped key',
    by: newKey('certs/server.key'),
    says: /certs\/server\.key: is not the key of certs\/server\.crt/,
  },
  {
    ...certificates,
    check: 'the private keys belong to the certificates and are private',
    what: 'a private key that others can read',
    by: 'chmod 644 certs/server.key',
    says: /has mode 644/,
  },
  {
    ...certificates,
    check: 'both certificates are valid for 30 more days',
    what: 'an expired certificate',
    by: expire,
    says: /expired on/,
  },
  {
    ...certificates,
    check: 'both certificates are valid for 30 more days',
    what: 'a certificate that expires soon',
    by: issue(10),
    says: /in less than 30 days/,
  },

  {
    ...environment,
    what: 'a missing key in .env',
    by: 'sed -i /^REDIS_PASSWORD=/d .env',
    says: /lacks REDIS_PASSWORD/,
  },
  {
    ...environment,
    what: 'a placeholder in .env',
    by: 'sed -i s/^NATS_PASSWORD=.*/NATS_PASSWORD=changeme/ .env',
    says: /NATS_PASSWORD is a placeholder/,
  },
  {
    ...environment,
    what: 'a weak secret',
    by: 'sed -i s/^NATS_PASSWORD=.*/NATS_PASSWORD=0123abcd/ .env',
    says: /NATS_PASSWORD is not hexadecimal of at least 128 bits/,
  },
  {
    ...environment,
    what: 'one secret for two services',
    by: `sed -i "s/^NATS_PASSWORD=.*/NATS_PASSWORD=${secret}/" .env`,
    says: /REDIS_PASSWORD and NATS_PASSWORD have the same value|NATS_PASSWORD and REDIS_PASSWORD have the same value/,
  },
  {
    ...environment,
    what: 'an empty value',
    by: 'sed -i s/^POSTGRES_DB=.*/POSTGRES_DB=/ .env',
    says: /POSTGRES_DB is empty/,
  },
  {
    ...environment,
    what: 'a key given twice',
    by: 'echo POSTGRES_DB=other >> .env',
    says: /\.env:19: POSTGRES_DB is given twice/,
  },
  { ...environment, what: '.env that others can read', by: 'chmod 644 .env', says: /has mode 644, must be 600/ },

  {
    ...migrations,
    what: 'a missing migration',
    by: 'rm database/migrations/003_muninn_recall.sql',
    says: /recall\(text, integer\) does not exist/,
  },
  {
    ...migrations,
    what: 'a migration that fails the second time',
    by: 'echo "CREATE TABLE muninn.extra (id int);" >> database/migrations/004_grants.sql',
    says: /run 2: .*004_grants\.sql: relation "extra" already exists/,
  },
  {
    ...migrations,
    what: 'a migration that adds rows each time',
    by:
      `echo "INSERT INTO muninn.missions (id, name) VALUES (gen_random_uuid()::text, 'again');" >> ` +
      'database/migrations/004_grants.sql',
    says: /run 2 is not idempotent, it changed: rows muninn\.missions 2/,
  },
  {
    ...migrations,
    what: 'no LangFuse database',
    by: 'sed -i /gexec/d database/migrations/001_roles_and_databases.sql',
    says: /001_roles_and_databases\.sql: /,
  },
  {
    agent: 'database_agent',
    check: 'the migration script is sound and the files are those that were written',
    what: 'a migration that was edited afterwards',
    by: 'echo "-- later" >> database/migrations/002_muninn_schema.sql',
    says: /./,
  },

  {
    ...tls,
    what: 'a certificate path that does not exist',
    by: 'sed -i s#/certs/server.crt#/certs/proxy.crt# proxy/dynamic/tls.yml',
    says: /tls\.yml: \/certs\/proxy\.crt does not exist/,
  },
  {
    ...tls,
    what: "a TLS pair whose key is another's",
    by: 'sed -i s#/certs/server.key#/certs/ca.key# proxy/dynamic/tls.yml',
    says: /\/certs\/ca\.key is not the key of \/certs\/server\.crt/,
  },
  {
    ...routes,
    what: 'a route to a missing service',
    by: 'sed -i s/routers.grafana.service=grafana/routers.grafana.service=grafna/ proxy/labels/grafana.labels',
    says: /leads to the service grafna, which does not exist/,
  },
  {
    ...routes,
    what: 'a label file of no service',
    by: 'cp proxy/labels/lab.labels proxy/labels/wiki.labels',
    says: /wiki\.labels: routes to wiki, which is none of the services/,
  },
  { ...routes, what: 'a missing route', by: 'rm proxy/labels/langfuse.labels', says: /no route leads to langfuse/ },
  {
    ...routes,
    what: 'a host that the certificate does not serve',
    by: 'sed -i s/lab.ravenhelm/graphs.ravenhelm/ proxy/labels/lab.labels',
    says: /does not serve graphs\.ravenhelm\.localhost/,
  },
  {
    ...routes,
    what: 'a middleware that does not exist',
    by: 'sed -i s/internal-only@file/inside-only@file/ proxy/labels/console.labels',
    says: /middlewares inside-only@file does not exist/,
  },
  {
    ...routes,
    what: 'a router without TLS',
    by: 'sed -i /tls=true/d proxy/labels/grafana.labels',
    says: /router grafana has no TLS/,
  },
  {
    ...entryPoints,
    what: 'no redirect to TLS',
    by: 'sed -i s/to:.websecure,/"to: other,"/ proxy/traefik.yml',
    says: /web does not redirect to websecure/,
  },
  {
    ...entryPoints,
    what: 'two entry points on one port',
    by: 'sed -i s/:8082/:443/ proxy/traefik.yml',
    says: /entry points need different ports/,
  },

  {
    ...redis,
    what: 'a directive that Redis does not know',
    by: 'echo "maxmemry 1gb" >> cache/redis.conf',
    says: /redis\.conf:12: unknown directive maxmemry|redis\.conf:\d+: unknown directive maxmemry/,
  },
  {
    ...redis,
    what: 'a password in redis.conf',
    by: 'echo "requirepass hunter2" >> cache/redis.conf',
    says: /requirepass must not stand here/,
  },
  {
    ...redis,
    what: 'unbounded memory',
    by: 'sed -i "/^maxmemory /d" cache/redis.conf',
    says: /maxmemory must bound the memory/,
  },
  {
    ...nats,
    what: 'a map that is not closed',
    by: 'sed -i "0,/^}/s/^}//" cache/nats.conf',
    says: /nats\.conf:.* a map is not closed/,
  },
  {
    ...nats,
    what: 'a variable that .env does not have',
    by: "sed -i 's/[$]NATS_USER/$NATS_LOGIN/' cache/nats.conf",
    says: /variable NATS_LOGIN is not in \.env/,
  },

  {
    ...sealed,
    what: 'a tampered ciphertext',
    by:
      `node -e 'const fs = require("fs"); const lines = fs.readFileSync("secrets/platform.env.cms", ` +
      `"utf8").split("\\n"); const at = lines.length - 8; lines[at] = (lines[at][10] === "A" ? "B" : "A") + ` +
      `lines[at].slice(1); const old = lines[at]; lines[at] = old.slice(0, 10) + (old[10] === "A" ? "B" : "A") + ` +
      `old.slice(11); fs.writeFileSync("secrets/platform.env.cms", lines.join("\\n"))'`,
    says: /[Ee]rror/,
  },
  {
    ...sealed,
    what: 'a copy of an older .env',
    by: 'sed -i s/^BIND_ADDRESS=.*/BIND_ADDRESS=0.0.0.0/ .env',
    says: /does not hold the \.env of now/,
  },
  { ...sealed, what: 'no encrypted file', by: 'rm secrets/platform.env.cms', says: /No such file/ },
  {
    ...leaks,
    what: 'a leaked secret',
    by: `echo "requirepass ${secret}" >> cache/redis.conf`,
    says: /cache\/redis\.conf: holds the value of REDIS_PASSWORD/,
  },
  {
    ...leaks,
    what: 'a secret leaked in base64',
    by: `printf 'x%s' "${secret}" | openssl base64 > events/note.txt`,
    says: /events\/note\.txt: holds the value of REDIS_PASSWORD/,
  },
  {
    ...leaks,
    what: 'a private key outside certs/',
    by: 'cp certs/server.key proxy/server.key',
    says: /proxy\/server\.key: holds the private key of certs\/server\.key/,
  },
  {
    ...leaks,
    what: 'a stray private key that no service uses',
    by: newKey('proxy/other.pem'),
    says: /proxy\/other\.pem: holds a private key/,
  },
  {
    ...leaks,
    what: 'the encryption key copied into the workspace',
    by: 'cp /keys/secrets.key secrets/note',
    says: /secrets\/note: holds the content of \/keys\/secrets\.key/,
  },
  {
    agent: 'secrets_agent',
    check: 'OpenBao listens where the proxy leads and stores on disk',
    what: 'OpenBao on another port',
    by: edit('secrets/openbao.json', 'doc.listener.tcp.address = "0.0.0.0:8300"'),
    says: /does not hold: doc\.listener\.tcp\.address/,
  },

  {
    ...topics,
    what: 'a missing topic',
    by:
      'sed -i /dead-letters/d events/topics.yaml && node $TOOLBOX/topics.mjs script events/topics.yaml --out ' +
      'events/create-topics.sh',
    says: /lacks the topic ravenhelm\.squad\.dead-letters/,
  },
  {
    ...topics,
    what: 'a topic twice',
    by: 'tail -n 1 events/topics.yaml >> events/topics.yaml',
    says: /has ravenhelm\.squad\.tasks\.hlidskjalf_agent twice/,
  },
  {
    ...topics,
    what: 'partitions that are no number',
    by: 'sed -i "s/partitions: 12/partitions: many/" events/topics.yaml',
    says: /coordination: partitions must be a whole number/,
  },
  {
    ...topics,
    what: 'a script that is not of the plan',
    by: 'sed -i "s/--partitions 12/--partitions 1/" events/create-topics.sh',
    says: /create-topics\.sh: is not what events\/topics\.yaml yields/,
  },
  {
    agent: 'events_agent',
    check: 'work is kept until it was done and tasks have room for more workers',
    what: 'open work deleted by age',
    by: 'sed -i "s/retention_ms: -1/retention_ms: 604800000/" events/topics.yaml',
    says: /does not hold/,
  },
  {
    agent: 'events_agent',
    check: "the console reads the platform's broker and registry",
    what: 'a console of another broker',
    by: 'sed -i s/redpanda:9092/kafka:9092/ events/console.yaml',
    says: /does not hold: doc\.kafka\.brokers/,
  },

  {
    ...prometheus,
    what: 'a scrape target that does not exist',
    by: 'sed -i s/redis-exporter:9121/redis-metrics:9121/ observability/prometheus/prometheus.yml',
    says: /target redis-metrics:9121 is no service of the platform/,
  },
  {
    ...prometheus,
    what: 'a rule without an expression',
    by: 'sed -i "s/expr: up == 0/expr: \\"\\"/" observability/prometheus/rules/platform.yml',
    says: /rule 1 of platform needs alert or record, and expr/,
  },
  {
    ...prometheus,
    what: 'a rule file that is not there',
    by: 'rm observability/prometheus/rules/platform.yml',
    says: /rules\/platform\.yml: does not exist/,
  },
  {
    ...prometheus,
    what: 'YAML that does not parse',
    by: 'echo "  - : [" >> observability/prometheus/prometheus.yml',
    says: /prometheus\.yml:\d+:\d+: /,
  },
  {
    ...grafana,
    what: 'a dashboard that is not JSON',
    by: 'echo , >> observability/grafana/provisioning/dashboards/platform.json',
    says: /platform\.json: is not JSON/,
  },
  {
    ...grafana,
    what: 'a panel of an unknown data source',
    by: edit('observability/grafana/provisioning/dashboards/platform.json', 'doc.panels[1].datasource.uid = "mimir"'),
    says: /data source mimir is not provisioned/,
  },
  {
    ...grafana,
    what: 'a data source of no service',
    by: 'sed -i s#//tempo:#//jaeger:# observability/grafana/provisioning/datasources/platform.yml',
    says: /Tempo leads to jaeger, which is no service/,
  },
  {
    agent: 'observability_agent',
    check: 'logs and traces go where Grafana asks for them',
    what: 'Loki on another port',
    by: 'sed -i s/3100/3101/ observability/loki.yml',
    says: /does not hold: docs\[0\]\.server\.http_listen_port === 3100/,
  },

  {
    agent: 'docker_agent',
    check: 'no two services publish the same port of the host',
    what: 'a duplicate port',
    by: 'sed -i s/7688:7687/7687:7687/ compose.yaml',
    says: /port 7687 of the host is published by memgraph and by neo4j/,
  },
  {
    ...references,
    what: 'a dangling volume',
    by: 'sed -i "/^  loki: {}/d" compose.yaml',
    says: /service loki uses loki of volumes, which is not declared/,
  },
  {
    ...references,
    what: 'a network that is not declared',
    by: 'sed -i "s/networks: .observability.$/networks: [metrics]/" compose.yaml',
    says: /uses metrics of networks, which is not declared/,
  },
  {
    ...references,
    what: 'a dependency on a missing service',
    by: 'sed -i "s/depends_on: .memgraph./depends_on: [memgrph]/" compose.yaml',
    says: /service lab depends on memgrph, which does not exist/,
  },
  {
    ...references,
    what: 'a circle of dependencies',
    by: 'sed -i "s/^    image: memgraph\\/memgraph:3.1.1/&\\n    depends_on: [lab]/" compose.yaml',
    says: /circle: lab, memgraph/,
  },
  {
    ...references,
    what: 'waiting for the health of a service without a healthcheck',
    by: 'sed -i "s/depends_on: .memgraph./depends_on: { memgraph: { condition: service_healthy } }/" compose.yaml',
    says: /lab waits for memgraph to be healthy, but that has no healthcheck/,
  },
  {
    ...references,
    what: 'a variable that .env does not have',
    by: "sed -i 's/{NEO4J_PASSWORD}/{NEO4J_SECRET}/' compose.yaml",
    says: /variable NEO4J_SECRET is not in \.env/,
  },
  {
    ...services,
    what: 'an image that is not pinned',
    by: 'sed -i s/neo4j:5.26.4/neo4j:latest/ compose.yaml',
    says: /image neo4j:latest is not pinned/,
  },
  {
    ...services,
    what: 'a service without its route',
    by: 'sed -i /labels.lab.labels/d compose.yaml',
    says: /service lab has no label file/,
  },
  {
    ...services,
    what: 'a port that the route does not lead to',
    by: `sed -i 's/expose: \\["8200"\\]/expose: ["8201"]/' compose.yaml`,
    says: /service openbao does not expose 8200/,
  },
  {
    ...services,
    what: 'a service that was left out',
    by:
      `node -e 'const fs = require("fs"); fs.writeFileSync("compose.yaml", fs.readFileSync("compose.yaml", ` +
      `"utf8").replace(/  docling:\\n(    .*\\n)+/, ""))'`,
    says: /lacks the service docling/,
  },
  {
    ...files,
    what: 'a mounted file that does not exist',
    by: 'mv cache/redis.conf cache/valkey.conf',
    says: /service redis: cache\/redis\.conf does not exist/,
  },
  {
    ...files,
    what: "the CA's key mounted into a container",
    by: 'sed -i "s#./certs/server.crt:/certs/server.crt:ro#./certs:/certs:ro#" compose.yaml',
    says: /service traefik mounts certs, which holds the CA's private key/,
  },

  {
    ...index,
    what: 'a stale index',
    by: 'echo "# later" >> cache/redis.conf',
    says: /is stale, cache\/redis\.conf has changed since/,
  },
  { ...index, what: 'a file that the index lacks', by: 'echo note > events/note.md', says: /lacks events\/note\.md/ },
  {
    ...index,
    what: 'an index with lost postings',
    by: edit('rag/index.json', 'delete doc.postings.jetstream'),
    says: /postings of cache\/nats\.conf are not complete/,
  },
  {
    agent: 'rag_agent',
    check: 'questions lead to the file that answers them',
    what: 'an index that leads elsewhere',
    by: edit(
      'rag/index.json',
      'const n = doc.files.findIndex((file) => file.path === "cache/nats.conf"); doc.files[n].path = ' +
        '"cache/other.conf"',
    ),
    says: /leads to cache\/other\.conf, not to cache\/nats\.conf/,
  },
  {
    agent: 'rag_agent',
    check: "the collection is vectorised by the platform's own service and reranked",
    what: 'a collection without a reranker',
    by: edit('rag/collection.json', 'delete doc.moduleConfig["reranker-transformers"]'),
    says: /does not hold: "reranker-transformers"/,
  },

  {
    ...graph,
    what: 'a cycle in the graph',
    by: edit('graph/services.json', 'doc.edges.push({ from: "memgraph", to: "lab", condition: "service_started" })'),
    says: /has a cycle: lab, memgraph/,
  },
  {
    ...graph,
    what: 'a dependency that the graph lacks',
    by: edit('graph/services.json', 'doc.edges = doc.edges.filter((edge) => edge.from !== "lab")'),
    says: /lacks the dependency .*"lab"/,
  },
  {
    ...graph,
    what: 'a start order against a dependency',
    by: edit('graph/services.json', 'doc.start_order.reverse()'),
    says: /starts \S+ before \S+, which it depends on/,
  },
  {
    ...graph,
    what: 'a graph of an older compose file',
    by: 'sed -i s/neo4j:5.26.4/neo4j:5.26.5/ compose.yaml',
    says: /lacks the service .*neo4j:5\.26\.5/,
  },
  {
    ...graph,
    what: 'statements of another graph',
    by: 'sed -i 1d graph/services.cypher',
    says: /services\.cypher: is not what graph\/services\.json yields/,
  },
  {
    agent: 'graph_agent',
    check: 'the control plane starts after everything it depends on',
    what: 'a control plane that starts first',
    by: edit(
      'graph/services.json',
      'doc.start_order = [["hlidskjalf"], ...doc.start_order.map((group) => group.filter((name) => name !== ' +
        '"hlidskjalf"))]',
    ),
    says: /does not hold: .*start_order/,
  },

  {
    ...links,
    what: 'a dead link',
    by: 'mv cache/redis.conf cache/valkey.conf',
    says: /\.\.\/cache\/redis\.conf is dead/,
  },
  {
    ...links,
    what: 'an artefact that nothing links',
    by: 'echo note > events/note.md',
    says: /does not link events\/note\.md/,
  },
  {
    ...links,
    what: 'a link to a host that nothing routes',
    by: 'sed -i s#https://lab.ravenhelm#https://graphs.ravenhelm# hlidskjalf/index.html',
    says: /graphs\.ravenhelm\.localhost\/ is dead: no route serves it/,
  },
  {
    ...links,
    what: 'a dead anchor',
    by: `sed -i 's/id="cache"/id="caches"/' hlidskjalf/index.html`,
    says: /#cache is no anchor/,
  },
  {
    agent: 'hlidskjalf_agent',
    check: "the API's answer lists every artefact as it is now",
    what: 'a stale answer of the API',
    by: 'echo "# later" >> cache/redis.conf',
    says: /is stale, cache\/redis\.conf has changed since/,
  },
  {
    agent: 'hlidskjalf_agent',
    check: 'the web server listens where the proxy leads, serves the API and hides secrets',
    what: 'a web server that shows .env',
    by: edit('hlidskjalf/caddy.json', 'doc.apps.http.servers.hlidskjalf.routes.at(-1).handle[0].hide = []'),
    says: /does not hold: .*hide/,
  },

  {
    agent: 'mission',
    check: "the proxy's certificate is the CA's, and routes lead to hosts that it serves",
    what: 'a certificate exchanged after its task',
    by: `sed -i s/lab.ravenhelm/lap.ravenhelm/ certs/openssl.cnf && ${issue(397)}`,
    says: /does not serve lab\.ravenhelm\.localhost/,
  },
  {
    agent: 'mission',
    check: 'every file, volume, network and variable of compose.yaml exists',
    what: 'a mounted file of a later wave that never came',
    by: 'rm observability/loki.yml',
    says: /service loki: observability\/loki\.yml does not exist/,
  },
  {
    agent: 'mission',
    check: 'what Prometheus scrapes and Grafana asks are services of compose.yaml',
    what: 'a scrape target that compose.yaml lacks',
    by: 'sed -i s/redis-exporter/redis-metrics/g compose.yaml',
    says: /target redis-exporter:9121 is no service/,
  },
  {
    agent: 'mission',
    check: 'the encrypted secrets are the .env of now, and no secret is elsewhere',
    what: 'a secret leaked into the last files',
    by: `echo "<!-- ${secret} -->" >> hlidskjalf/index.html`,
    says: /hlidskjalf\/index\.html: holds the value of REDIS_PASSWORD/,
  },
  {
    agent: 'mission',
    check: 'graph, index and status page are of the files as they are now',
    what: 'an artefact added at the end',
    by: 'echo note > graph/note.txt',
    says: /lacks graph\/note\.txt/,
  },
];
