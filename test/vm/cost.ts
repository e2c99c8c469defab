/** What the module costs in a kernel, measured in a guest that counts its instructions. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { markdownTable } from '../../bench/output/table.js';
import { type Column, table } from '../../cli/output/table.js';
import type { CallCosts, Costs } from './guest/agreement.js';
import { boot } from './guest/boot.js';
import { packInitramfs } from './guest/initramfs.js';
import type { GuestRoot } from './guest/root.js';
import { prepareShare } from './guest/share.js';
import type { Kernel } from './kernels/fetch.js';
import { TemporaryFolder } from './temporary-folder.js';

/** The most that a call may cost with the module, as a multiple of what it costs without. */
const LIMITS: Readonly<Record<keyof CallCosts, number>> = {
  plain4: 1.15,
  plain6: 1.15,
  toa4: 1.25,
  toa6: 1.25,
  accept: 1.03,
};
const LIMITS_OF_BYTES = { bytesWithOption: 192, bytesWithoutOption: 0 } as const;

const TITLES: Readonly<Record<keyof CallCosts, string>> = {
  plain4: 'getpeername, IPv4, no option',
  plain6: 'getpeername, IPv6, no option',
  toa4: 'getpeername, IPv4, option',
  toa6: 'getpeername, IPv6, option',
  accept: 'connect, accept, close over lo',
};
const TITLES_OF_BYTES: Readonly<Record<keyof typeof LIMITS_OF_BYTES, string>> = {
  bytesWithOption: 'bytes for a connection with an option',
  bytesWithoutOption: 'bytes for one without',
};

const CALLS = Object.keys(LIMITS) as (keyof CallCosts)[];
const MEMORY = Object.keys(LIMITS_OF_BYTES) as (keyof typeof LIMITS_OF_BYTES)[];

export interface CostResult {
  readonly version: string;
  readonly costs: Costs;
}

export async function measureCost(kernel: Kernel, module: string, root: GuestRoot): Promise<CostResult> {
  using folder = new TemporaryFolder('vm-cost');
  const initramfs = join(folder.path, 'initramfs');
  await packInitramfs(kernel, root, initramfs);
  prepareShare(folder.path, 'cost-main', { cases: [], module, modulesRoot: kernel.root }, root);
  const heartbeat = join(folder.path, 'cost.json');
  const end = await boot(kernel, {
    initramfs,
    root,
    results: folder.path,
    heartbeat,
    patience: 600,
    countInstructions: true,
  });
  if (end !== 'done')
    throw new Error(`the guest ${end}\n${readFileSync(join(folder.path, 'output'), 'utf8')}`);
  return { version: kernel.version, costs: JSON.parse(readFileSync(heartbeat, 'utf8')) as Costs };
}

/** The limits that a kernel's costs are beyond, a line each. */
export function excesses({ version, costs }: CostResult): string[] {
  const calls = CALLS.filter((call) => ratio(costs, call) > LIMITS[call]);
  const memory = MEMORY.filter((kind) => costs[kind] > LIMITS_OF_BYTES[kind]);
  return [
    ...calls.map((call) => `${TITLES[call]}: ${ratio(costs, call).toFixed(3)}, at most ${LIMITS[call]}`),
    ...memory.map((kind) => `${TITLES_OF_BYTES[kind]}: ${costs[kind]}, at most ${LIMITS_OF_BYTES[kind]}`),
  ].map((line) => `${version}: ${line}`);
}

/** With the module, over the lesser of both measurements without it. */
function ratio({ without, loaded, again }: Costs, call: keyof CallCosts): number {
  return loaded[call] / Math.min(without[call], again[call]);
}

/** For people who wait for it. */
export function costTable(results: readonly CostResult[]): string {
  const right = (heading: string): Column => ({ heading, align: 'right' });
  const columns = [
    { heading: 'kernel' },
    { heading: 'call' },
    ...['without', 'with', 'ratio', 'limit', 'again'].map(right),
  ];
  const rows = results.flatMap(({ version, costs }) => [
    ...CALLS.map((call) => [
      version,
      TITLES[call],
      costs.without[call].toFixed(0),
      costs.loaded[call].toFixed(0),
      ratio(costs, call).toFixed(3),
      LIMITS[call].toFixed(2),
      costs.again[call].toFixed(0),
    ]),
    ...MEMORY.map((kind) => [
      version,
      TITLES_OF_BYTES[kind],
      '',
      `${costs[kind]}`,
      '',
      `${LIMITS_OF_BYTES[kind]}`,
      '',
    ]),
  ]);
  return table(columns, rows);
}

/** The module's part of bench/RESULTS.md. */
export function costMarkdown(results: readonly CostResult[], circumstances: string): string {
  const rows = [
    ['', 'at most', ...results.map(({ version }) => version)],
    ...CALLS.map((call) => [
      TITLES[call],
      LIMITS[call].toFixed(2),
      ...results.map(({ costs }) => {
        const without = Math.min(costs.without[call], costs.again[call]).toFixed(0);
        return `${ratio(costs, call).toFixed(3)} (${without} → ${costs.loaded[call].toFixed(0)})`;
      }),
    ]),
    ...MEMORY.map((kind) => [
      TITLES_OF_BYTES[kind],
      `${LIMITS_OF_BYTES[kind]}`,
      ...results.map(({ costs }) => `${costs[kind]}`),
    ]),
  ];
  return `## Kernel module: instructions of a guest, without toa.ko and with it

Written by \`npm run test:vm -- --cost --write\`; do not edit. ${circumstances}

${markdownTable(rows)}

* Debian's kernels in QEMU with \`-accel tcg -icount shift=0,sleep=off -smp 1\`: an instruction is a nanosecond of the guest's
  clock, so figures repeat within one percent and say nothing of caches. In brackets the instructions of a call, system call included.
* The same calls without the module, with it, and without it again; the ratio is over the lesser of the two without.
* getpeername: the least of 30 rounds of 300 calls. connect, accept, close: the least of 30 rounds of 60 connections, both ends.
* Bytes: of the slab allocator for what the module remembers. Its tables, 1 MiB, are there once.
`;
}
