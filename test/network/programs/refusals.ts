// Connects to every `address,port`, last to one that is known to refuse, several times over; prints as JSON which ones refused.
// What has not answered when the last one has for the third time does not answer: the way is the same.

import { connect } from 'node:net';

const targets = process.argv.slice(2);
const refused = new Set<string>();

const attempt = (target: string, then: () => void) => {
  const [host = '', port] = target.split(',');
  connect(Number(port), host).on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'ECONNREFUSED') refused.add(target);
    then();
  });
};

const witness = targets.at(-1) ?? '';
for (const target of targets.slice(0, -1)) attempt(target, () => {});
attempt(witness, () =>
  attempt(witness, () =>
    attempt(witness, () => {
      console.log(JSON.stringify([...refused]));
      process.exit();
    }),
  ),
);
