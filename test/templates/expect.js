// Writes into cases.jsonl what the reference implementation makes of each
// case: "expected", or "fails" with its message.
//
//   npm install --no-package-lock && TZ=UTC LANG=en_US.UTF-8 node expect.js

const fs = require('fs');
const { AdaptiveCard } = require('adaptivecards/dist/adaptivecards.js');
const { Template } = require('adaptivecards-templating');

const file = `${__dirname}/cases.jsonl`;

// Some functions change the data in place.
function expand(template, data) {
  return new Template(template).expand({ $root: structuredClone(data) });
}

// What is a card must be one that a client can show.
function check(name, result) {
  if (result === null || result.type !== 'AdaptiveCard') {
    return;
  }
  const card = new AdaptiveCard();
  card.parse(result);
  const problems = card.validateProperties().validationEvents;
  if (problems.length > 0) {
    throw new Error(`${name}: ${problems[0].message}`);
  }
}

function expect({ name, template, data, ours, why }) {
  const result = { name, template, data };
  let value;
  try {
    value = expand(template, data);
  } catch (error) {
    result.fails = String(error.message || error);
  }
  if (result.fails === undefined) {
    check(name, value);
    result.expected = value;
  }
  return why === undefined ? result : { ...result, ours, why };
}

const cases = fs.readFileSync(file, 'utf8').split('\n').filter(line => line);
fs.writeFileSync(file, cases
  .map(line => JSON.stringify(expect(JSON.parse(line))) + '\n').join(''));
