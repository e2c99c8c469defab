/** `npm run bench`: see the help below. Data on stdout, progress on stderr. */
import { parseArgs } from 'node:util';
import { enterNamespaces } from '../cli/namespaces/enter.js';
import { printJson } from '../cli/output/streams.js';
import { report } from '../cli/report.js';
import { benchBalancer } from './balancer/suite.js';
import { benchCore } from './core/suite.js';
import { toJson } from './output/json.js';
import { preamble, toMarkdown } from './output/markdown.js';
import { HEAD, partOf, writeResults } from './output/results-file.js';
import { machineName } from './output/sections.js';
import { toText } from './output/text.js';
import { benchReceiver } from './receiver/suite.js';
import type { Results } from './results.js';
import { describeMachine } from './support/machine.js';
import { benchSynProxy } from './syn-proxy/suite.js';
import { benchWatch } from './watch/suite.js';

const help = `Usage: npm run bench [-- [suites] [options]], or toa bench

Measures the suites balancer, core, receiver, watch, syn-proxy, or those named.

  --rounds N   rounds of each measurement, default 5, which is the least for
               figures to be quoted
  --seconds N  of each load in each round, a whole number, default 3
  --short      two rounds of one second, one of the SYN proxy: whether
               everything can be measured, not what it comes to
  --json       for machines
  --write      writes this machine's part of bench/RESULTS.md as well; all
               suites
  --help
`;

const suiteNames = ['balancer', 'core', 'receiver', 'watch', 'syn-proxy'] as const;
type SuiteName = (typeof suiteNames)[number];

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string' },
    seconds: { type: 'string' },
    short: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

if (options.help) process.stdout.write(help);
else await main().catch((error) => process.exit(report(error, 'npm run bench --')));

async function main(): Promise<void> {
  const chosen = chosenSuites();
  const rounds = wholeNumber('--rounds', options.rounds ?? (options.short ? '2' : '5'));
  const seconds = wholeNumber('--seconds', options.seconds ?? (options.short ? '1' : '3'));
  const synProxyRounds = options.short && options.rounds === undefined ? 1 : rounds;
  if ((['balancer', 'watch', 'syn-proxy'] as const).some((suite) => chosen.has(suite)))
    await enterNamespaces();
  const results: Results = {
    machine: describeMachine(),
    date: new Date().toISOString().slice(0, 16),
    rounds,
    seconds,
    ...(chosen.has('core') && { core: await benchCore(rounds) }),
    ...(chosen.has('receiver') && { receiver: await benchReceiver(rounds, seconds) }),
    ...(chosen.has('watch') && { watch: await benchWatch(rounds, seconds) }),
    ...(chosen.has('syn-proxy') && { synProxy: await benchSynProxy(synProxyRounds, seconds) }),
    ...(chosen.has('balancer') && { balancer: await benchBalancer(rounds, seconds, options.short) }),
  };
  if (options.write) {
    const part = partOf(machineName(results.machine));
    writeResults({ [HEAD]: preamble, [part]: toMarkdown(results) });
  }
  if (options.json) printJson('bench/1', toJson(results));
  else process.stdout.write(toText(results));
}

function chosenSuites(): Set<SuiteName> {
  const names = positionals.map((name) => {
    const suite = suiteNames.find((known) => known === name);
    return suite ?? fail(`there is no suite "${name}", wanted ${suiteNames.join(', ')}`);
  });
  if (options.write && names.length > 0) fail('--write takes all suites, so that the file is of one run');
  return new Set(names.length > 0 ? names : suiteNames);
}

function wholeNumber(option: string, given: string): number {
  const number = Number(given);
  return Number.isInteger(number) && number > 0
    ? number
    : fail(`${option}: given "${given}", wanted a whole number from 1 on`);
}

function fail(message: string): never {
  process.stderr.write(`bench: ${message}\n\n${help}`);
  process.exit(2);
}
