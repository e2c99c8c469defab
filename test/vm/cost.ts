/** What the module costs in a kernel, measured in a guest that counts its instructions. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
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
const LIMIT_OF_BYTES = 192;

const TITLES: Readonly<Record<keyof CallCosts, string>> = {
  plain4: 'getpeername, IPv4, no option',
  plain6: 'getpeername, IPv6, no option',
  toa4: 'getpeername, IPv4, option',
  toa6: 'getpeername, IPv6, option',
  accept: 'connect, accept, close over lo',
};

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
  const calls = (Object.keys(LIMITS) as (keyof CallCosts)[]).filter(
    (call) => ratio(costs, call) > LIMITS[call],
  );
  const lines = calls.map(
    (call) => `${TITLES[call]}: ${ratio(costs, call).toFixed(3)}, at most ${LIMITS[call]}`,
  );
  if (costs.bytesPerConnection > LIMIT_OF_BYTES)
    lines.push(`${costs.bytesPerConnection} bytes for a connection, at most ${LIMIT_OF_BYTES}`);
  return lines.map((line) => `${version}: ${line}`);
}

/** With the module, over the mean of both measurements without it. */
function ratio({ without, loaded, again }: Costs, call: keyof CallCosts): number {
  return loaded[call] / ((without[call] + again[call]) / 2);
}

export function costTable(results: readonly CostResult[]): string {
  const right = (heading: string): Column => ({ heading, align: 'right' });
  const columns = [
    { heading: 'kernel' },
    { heading: 'call' },
    ...['without', 'with', 'ratio', 'limit', 'again'].map(right),
  ];
  const rows = results.flatMap(({ version, costs }) => [
    ...(Object.keys(LIMITS) as (keyof CallCosts)[]).map((call) => [
      version,
      TITLES[call],
      costs.without[call].toFixed(0),
      costs.loaded[call].toFixed(0),
      ratio(costs, call).toFixed(3),
      LIMITS[call].toFixed(2),
      costs.again[call].toFixed(0),
    ]),
    [version, 'bytes for a connection', '0', `${costs.bytesPerConnection}`, '', `${LIMIT_OF_BYTES}`, ''],
  ]);
  return table(columns, rows);
}
