// graphile-worker with Microsoft's client for the Bot Connector, tuned.
//
//   node graphile.js CONNINFO CONNECTOR_URL CONVERSATIONS_FILE COUNT IN_FLIGHT
//
// Adds COUNT jobs, runs them, and prints the seconds that it took to run them.
'use strict';

const fs = require('fs');
const { ConnectorClient } = require('botframework-connector');
const { run, makeWorkerUtils, Logger } = require('graphile-worker');

const [conninfo, url, file, countText, inFlightText] = process.argv.slice(2);
const count = Number(countText);
const inFlight = Number(inFlightText);
const conversations = fs.readFileSync(file, 'utf8').trim().split('\n')
  .map(decodeURIComponent);
const text = 'x'.repeat(262);
const token = 'eyJ0eXAiOiJKV1Qi.' + 'a'.repeat(1183);

// What the client asks of credentials, with a token that is there.
const credentials = {
  async signRequest(request) {
    request.headers.set('authorization', `Bearer ${token}`);
    return request;
  },
};
const client = new ConnectorClient(credentials, { baseUri: url });
const logger = new Logger(() => () => {});

const preset = {
  worker: {
    connectionString: conninfo,
    concurrentJobs: inFlight,
    maxPoolSize: 10,
    localQueue: { size: 500 },
    completeJobBatchDelay: 0,
    failJobBatchDelay: 0,
    logger,
  },
};

let done = 0;
let allDone;
const finished = new Promise((resolve) => { allDone = resolve; });

async function send(payload) {
  await client.conversations.sendToConversation(
    conversations[payload.n % conversations.length],
    { type: 'message', text: payload.text });
  if (++done === count) allDone();
}

async function addJobs() {
  const utils = await makeWorkerUtils({ preset, logger });
  await utils.migrate();
  for (let n = 0; n < count;) {
    const jobs = [];
    for (; n < count && jobs.length < 1000; n++) {
      jobs.push({ identifier: 'send', payload: { n, text } });
    }
    await utils.addJobs(jobs);
  }
  await utils.release();
}

async function main() {
  await addJobs();
  const start = process.hrtime.bigint();
  const runner = await run({ preset, logger, taskList: { send } });
  await finished;
  const seconds = Number(process.hrtime.bigint() - start) / 1e9;
  await runner.stop();
  console.log(seconds);
  process.exit(0);
}

main().catch((error) => { console.error(error); process.exit(1); });
