/** `toa verify` where toa.ko is loaded: what the wire carried, against what the module has recorded. */
import { deepStrictEqual, match, ok, strictEqual } from 'node:assert/strict';
import type { VerdictName } from '../../../cli/verify/verdict.js';
import { formatEndpoint } from '../../../lib/net/address.js';
import { main } from '../../cli/toa.js';
import type { InjectedConnectionOptions } from '../../support/injected-connection.js';
import { type Case, type Guest, within } from '../guest/guest.js';
import { exceptEmulated } from './commands.js';
import { CLIENT4, CLIENT6, toa } from './toa.js';

const STRANGER = '10.9.2.1';

interface Row {
  readonly what: InjectedConnectionOptions;
  readonly verdict: VerdictName;
  readonly reason: RegExp;
}

const rows: readonly Row[] = [
  { what: { ack: toa(CLIENT4) }, verdict: 'recovered', reason: /the module shows 203\.0\.113\.7:51514/ },
  { what: { ack: toa(CLIENT6) }, verdict: 'recovered', reason: /socket option 4096/ },
  { what: { ack: toa(CLIENT4, 'toa-v4-200') }, verdict: 'lost', reason: /does not accept toa-v4-200/ },
  { what: { syn: toa(CLIENT4) }, verdict: 'lost', reason: /only the SYN carried it/ },
  { what: { early: toa(CLIENT4) }, verdict: 'lost', reason: /only the first data carried it/ },
  {
    what: { ack: toa(CLIENT4), from: `${STRANGER}:7000` },
    verdict: 'lost',
    reason: /does not trust 10\.9\.2\.1/,
  },
  { what: {}, verdict: 'lost', reason: /the balancer 10\.9\.1\.1 wrote no option/ },
  { what: { from: `${STRANGER}:7001` }, verdict: 'direct', reason: /is no balancer: it is the client/ },
];

interface Event {
  readonly event: string;
  readonly peer: { readonly address: string; readonly port: number };
  readonly verdict: VerdictName;
  readonly reason: string;
}

/** Runs `toa verify` beside these connections, to its end; its exit code, and what it said of each connection. */
async function verify(guest: Guest, cases: readonly Row[]): Promise<number | null> {
  const listening = await guest.listen(4);
  const port = String(listening.port);
  const args = ['verify', '--port', port, '--count', String(cases.length), '--duration', '200', '--json'];
  const running = await guest.program([process.execPath, main, ...args], /^verifying/);
  const expected = new Map<string, Row>();
  for (const row of cases) {
    const { client } = await guest.join(listening, 4, row.what);
    expected.set(client.name, row);
    client.write('x');
  }
  const { code, stdout, stderr } = await within(210, 'toa verify', running.finished());
  const lines = stdout.toString().trimEnd().split('\n');
  const events = lines.map((line) => JSON.parse(line) as Event).filter(({ event }) => event === 'connection');
  strictEqual(events.length, cases.length, stderr);
  for (const { peer, verdict, reason } of events) {
    const row = expected.get(formatEndpoint(peer.address, peer.port));
    ok(row, `a connection from ${peer.address}:${peer.port}`);
    strictEqual(verdict, row.verdict, reason);
    match(reason, row.reason);
  }
  return code;
}

export const verifyCases: readonly Case[] = [
  {
    name: 'toa verify: what the module has recorded is compared with the wire, and what it has not is explained',
    patience: 500,
    unless: exceptEmulated,
    run: async (guest) => {
      guest.load();
      strictEqual(await verify(guest, rows), 1);
      const recovered = rows.filter(({ verdict }) => verdict === 'recovered');
      deepStrictEqual([recovered.length, await verify(guest, recovered)], [2, 0]);
      guest.module.set({ enabled: 0 });
      const off: Row = { what: { ack: toa(CLIENT4) }, verdict: 'lost', reason: /switched off/ };
      strictEqual(await verify(guest, [off]), 1);
    },
  },
];
