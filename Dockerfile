# One image for every role: docker-compose.redpanda.yml runs it as init, orchestrator and worker.

FROM node:20.20.2-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --include=dev --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY scripts scripts
COPY schemas schemas
COPY src src
RUN npm run build

FROM node:20.20.2-bookworm-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund

FROM node:20.20.2-bookworm-slim
# bubblewrap: the sandbox. util-linux: flock (the fence) and setpriv. openssl: what missions make certificates with.
RUN apt-get update \
 && apt-get install -y --no-install-recommends bubblewrap util-linux openssl ca-certificates \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY --from=dependencies /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY package.json topics.yaml models.yaml ./
COPY bin bin
COPY schemas schemas
COPY agents agents
COPY missions missions
COPY toolbox toolbox
# A new named volume takes over the owner of the directory it is mounted on.
RUN mkdir /workspaces && chown node:node /workspaces
# The endpoint of the roles: /livez, /readyz and /metrics.
ENV NODE_ENV=production WORKSPACE_ROOT=/workspaces RAVENHELM_HTTP=0.0.0.0:9464
EXPOSE 9464
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["node", "bin/health.js", "livez"]
VOLUME /workspaces

# Not root. Bubblewrap then builds its sandbox in a user namespace, which the container must allow a worker:
#   seccomp=unconfined      Docker's default profile forbids unshare(2), clone(2) with namespaces, mount(2) and
#                           pivot_root(2). A narrower way is that profile with these four allowed.
#   apparmor=unconfined     Docker's default profile forbids mounts. (Hosts without AppArmor ignore it.)
#   systempaths=unconfined  A fresh /proc can be mounted in a user namespace only where the container's own /proc has
#                           no masked parts.
# The host must allow unprivileged user namespaces: user.max_user_namespaces above 0, on older Debian
# kernel.unprivileged_userns_clone=1, on Ubuntu 24.04 kernel.apparmor_restrict_unprivileged_userns=0 (or a profile that
# grants userns to bwrap). Where that is not available, commands are refused with the reason; nothing runs unconfined.
# The orchestrator runs no commands and needs none of this.
USER node
ENTRYPOINT ["node", "bin/ravenhelm.js"]
