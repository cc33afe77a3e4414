# The API process for use with ClickHouse and Redis servers (docker-compose.yml). The embedded ClickHouse, 540 MB, is left out.
# Not built by the tests, which have no container engine; its paths and commands are checked (test/unit/compose.test.ts).
FROM node:24-bookworm-slim AS build
WORKDIR /engram
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts
COPY . .
RUN npm run build && npm prune --omit=dev --ignore-scripts && rm -rf node_modules/@chdb

FROM node:24-bookworm-slim
WORKDIR /engram
ENV NODE_ENV=production
COPY --from=build /engram/package.json ./
COPY --from=build /engram/node_modules ./node_modules
COPY --from=build /engram/build ./build
COPY --from=build /engram/dist ./dist
USER node
EXPOSE 8000
CMD ["node", "--enable-source-maps", "dist/src/cli/main.js", "serve"]
