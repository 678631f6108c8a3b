# One image for every role: docker-compose.redpanda.yml runs it as init, orchestrator and worker.

# Another image with the same content, such as that of a mirror, can take its place: --build-arg NODE_IMAGE=…
ARG NODE_IMAGE=node:24.22.3-bookworm-slim

FROM ${NODE_IMAGE} AS packages
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --include=dev --ignore-scripts --no-audit --no-fund

FROM packages AS build
COPY tsconfig.json tsconfig.build.json ./
COPY scripts scripts
COPY schemas schemas
COPY src src
RUN npm run build

# Not a second npm ci, which would fetch each package again.
FROM packages AS dependencies
RUN npm prune --omit=dev --ignore-scripts --no-audit --no-fund

FROM ${NODE_IMAGE}
# bubblewrap: the sandbox. perl-base: the launcher. util-linux: setpriv. openssl: what missions make certificates with.
RUN apt-get update \
 && apt-get install -y --no-install-recommends bubblewrap perl-base util-linux openssl ca-certificates \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY --from=dependencies /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY package.json topics.yaml models.yaml policy.default.yaml ./
COPY bin bin
COPY schemas schemas
COPY agents agents
COPY missions missions
COPY toolbox toolbox
# A new named volume takes over the owner of the directory it is mounted on.
RUN mkdir /workspaces && chown node:node /workspaces
# The endpoint of the roles, /livez, /readyz and /metrics, for health checks in the container only. For others:
# RAVENHELM_HTTP=0.0.0.0:9464 with RAVENHELM_HTTP_TOKEN; see docs/operations.md.
ENV NODE_ENV=production WORKSPACE_ROOT=/workspaces RAVENHELM_HTTP=127.0.0.1:9464
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["node", "bin/health.js", "livez"]
VOLUME /workspaces

# Not root. The root file system may be read-only, with a tmpfs on /tmp, and all capabilities may be dropped: see
# docker-compose.redpanda.yml. bubblewrap then builds its sandbox in a user namespace, which the container
# must allow a worker:
#   seccomp=unconfined      bubblewrap calls unshare(2), mount(2), pivot_root(2) and sethostname(2). Docker documents
#                           that its default profile forbids the first three without CAP_SYS_ADMIN; podman's forbids
#                           the last. A narrower way is that profile with these allowed.
#   apparmor=unconfined     Docker documents that its default profile forbids mounts. Hosts without AppArmor ignore it.
#   systempaths=unconfined  The kernel allows a new /proc in a user namespace only if the container's own /proc has no
#                           masked parts.
# `npm run test:container` shows with podman 4.3 that missions complete with these three and that the worker refuses
# commands without any. By hand, with bwrap in this image and the worker's arguments: seccomp alone fails ("Can't mount
# proc"), systempaths alone fails ("Can't set hostname"), both together work. Not shown: Docker's profiles, AppArmor.
# The host must allow unprivileged user namespaces: user.max_user_namespaces above 0, on older Debian
# kernel.unprivileged_userns_clone=1, on Ubuntu 24.04 kernel.apparmor_restrict_unprivileged_userns=0 (or a profile that
# grants userns to bwrap). If the host forbids them, commands are refused with the reason; nothing runs unconfined.
# The orchestrator runs no commands and needs none of this.
USER node
ENTRYPOINT ["node", "bin/ravenhelm.js"]
