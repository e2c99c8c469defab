/** Measures in a guest what the module costs: the same calls without it, with it, and without it again. */
import { readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { toa } from '../cases/toa.js';
import { type Costs, type Job, RESULTS, VERDICT_DONE } from './agreement.js';
import { freshPort, Guest, until } from './guest.js';
import { compiled } from './programs.js';
import { ToaModule } from './toa-module.js';
import { layWire, SERVER } from './wire.js';
import { Witness } from './witness.js';

const CLIENT = { 4: '203.0.113.7:51514', 6: '[2001:db8::7]:51514' } as const;

const job = JSON.parse(readFileSync(join(RESULTS, 'job.json'), 'utf8')) as Job;
const guest = new Guest({
  module: new ToaModule(job.module),
  witness: new Witness(),
  wire: layWire(),
  kernel: 0,
});

const ports = [freshPort(), freshPort()] as const;
const running = await guest.program([compiled('cost'), `${ports[0]}`], /^listening/);
let answers = 0;

await ask('connections'); // the first ones of a kernel cost more
const without = await measure();
guest.load();
const loaded = await measure();
const bytes = bytesPerConnection();
guest.module.unload();
const again = await measure();
const costs: Costs = { without, loaded, again, ...bytes };
writeFileSync(join(RESULTS, 'cost.json'), JSON.stringify(costs));
await guest.cleanUp();
process.exit(VERDICT_DONE);

async function measure(): Promise<Costs['without']> {
  return {
    plain4: await nameOf(4),
    toa4: await nameOf(4, toa(CLIENT[4])),
    plain6: await nameOf(6),
    toa6: await nameOf(6, toa(CLIENT[6])),
    accept: await ask('connections'),
  };
}

async function nameOf(family: 4 | 6, ack: Uint8Array = new Uint8Array()): Promise<number> {
  await guest.connect(`${SERVER[family]}:${ports[family === 4 ? 0 : 1]}`, { ack });
  return ask(`${family}`);
}

async function ask(question: string): Promise<number> {
  const costsSoFar = () => running.stdout.toString().match(/^cost \d+$/gm) ?? [];
  running.stdin.write(`${question}\n`);
  await until(`an answer to ${question}`, () => costsSoFar().length > answers, 120);
  return Number(costsSoFar()[answers++]!.slice(5)) / 1000;
}

/** By the entries made so far, and what the slab allocator sets aside for one. */
function bytesPerConnection(): Pick<Costs, 'bytesWithOption' | 'bytesWithoutOption'> {
  const bytes = Number(readFileSync(join(realpathSync('/sys/kernel/slab/toa_entry'), 'slab_size'), 'utf8'));
  const stats = guest.module.stats();
  const [entries, plain] = [stats.toa_entry_alloc!, stats.syn_recv_sock_no_toa!];
  const withOption = stats.syn_recv_sock_toa!;
  return {
    bytesWithOption: bytes,
    bytesWithoutOption: (bytes * (entries - withOption)) / plain,
  };
}
