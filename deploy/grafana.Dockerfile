# syntax=docker/dockerfile:1
# Grafana with the plugin built from this checkout, for docker-compose.yaml and for whoever bakes plugins into an image:
# `docker build -f deploy/grafana.Dockerfile -t tidemark-grafana .`
# The plugin stands where Grafana looks for plugins; Grafana's own data is beside it, so that a volume does not hide the plugin.
# Another Grafana: `--build-arg GRAFANA_VERSION=12.3.0`; the end-to-end suite runs with several.
ARG GRAFANA_VERSION=13.2.3

FROM node:22.22.1-bookworm-slim AS frontend
WORKDIR /build
COPY package.json package-lock.json ./
COPY aggregator/package.json aggregator/
# The embedded engine is not part of the plugin; versions and checksums stay those of the lock file.
RUN npm pkg delete optionalDependencies.chdb --workspace aggregator \
    && npm install --ignore-scripts --no-audit --no-fund
COPY README.md CHANGELOG.md LICENSE plugin.json ./
COPY .config .config
COPY scripts scripts
COPY src src
RUN node --input-type=module -e "import { buildPlugin } from './scripts/build-plugin.mjs'; await buildPlugin(process.cwd());"

FROM golang:1.26.5-bookworm AS backend
ARG TARGETARCH
WORKDIR /build
COPY go.mod go.sum ./
RUN go mod download
COPY Magefile.go ./
COPY plugin.json package.json ./
COPY src/datasource/plugin.json src/datasource/
COPY pkg pkg
RUN if [ "$TARGETARCH" = arm64 ]; then go tool mage -v build:linuxARM64; else go tool mage -v build:linux; fi

FROM grafana/grafana:${GRAFANA_VERSION}
USER 0
RUN install -d -o 472 -g 0 /var/lib/grafana/data
COPY --from=frontend --chown=472:0 /build/dist /var/lib/grafana/plugins/tidemark-realtime-app
COPY --from=backend --chown=472:0 /build/dist /var/lib/grafana/plugins/tidemark-realtime-app
ENV GF_PATHS_DATA=/var/lib/grafana/data
USER 472:0
