# syntax=docker/dockerfile:1
# The aggregator as an image, from a clean checkout: `docker build -t tidemark .`
# The embedded engine (chDB, 540 MB) is left out, because a deployment has a ClickHouse server: use `cold: {kind: http}`.
# The process is not root, writes only below /var/lib/tidemark, and ends on SIGTERM within 10 s.

FROM node:22.22.1-bookworm-slim AS build
WORKDIR /build
COPY package.json package-lock.json ./
COPY aggregator/package.json aggregator/
# Of the lock file only what the aggregator runs and is bundled with; versions and checksums stay those of the lock file.
RUN node --input-type=module -e " \
      import { readFileSync, writeFileSync } from 'node:fs'; \
      const edit = (file, change) => { const json = JSON.parse(readFileSync(file)); change(json); writeFileSync(file, JSON.stringify(json)); }; \
      edit('package.json', (root) => { root.devDependencies = { esbuild: root.devDependencies.esbuild }; }); \
      edit('aggregator/package.json', (aggregator) => { delete aggregator.optionalDependencies.chdb; });" \
    && npm install --ignore-scripts --no-audit --no-fund
COPY scripts/bundle.mjs scripts/build-aggregator.mjs scripts/
COPY aggregator/src aggregator/src
RUN node scripts/build-aggregator.mjs \
    && npm prune --omit=dev --ignore-scripts --no-audit --no-fund \
    && rm -rf node_modules/@tidemark node_modules/.package-lock.json

FROM node:22.22.1-bookworm-slim
LABEL org.opencontainers.image.title="Tidemark aggregator" \
      org.opencontainers.image.licenses="Apache-2.0"
# What the program does not need is what an attacker would.
RUN rm -rf /usr/local/lib/node_modules /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack /opt/yarn* \
           /usr/local/bin/yarn /usr/local/bin/yarnpkg /usr/local/include \
    && ln -s /opt/tidemark/aggregator/dist/tidemark.js /usr/local/bin/tidemark \
    && install -d -o 1000 -g 1000 /var/lib/tidemark
WORKDIR /opt/tidemark
COPY LICENSE ./
COPY definitions definitions
COPY aggregator/package.json aggregator/
COPY --from=build /build/node_modules node_modules
COPY --from=build /build/aggregator/dist aggregator/dist
# The engine in the process keeps a thread for each statement that runs; files and names need some besides.
ENV NODE_ENV=production \
    UV_THREADPOOL_SIZE=12 \
    TIDEMARK_DEFINITION=/etc/tidemark/tidemark.yaml \
    TIDEMARK_DATA_DIR=/var/lib/tidemark \
    TIDEMARK_SERVER_HOST=0.0.0.0
EXPOSE 4400
USER 1000:1000
# Alive, not ready: a missing store must not have the process restarted. Whether it is ready is at /readyz.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + (process.env.TIDEMARK_SERVER_PORT || 4400) + '/healthz').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["tidemark"]
CMD ["serve"]
