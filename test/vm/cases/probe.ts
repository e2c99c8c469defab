/** `toa probe` against `toa serve` where toa.ko is loaded: every format on every segment. */
import { deepStrictEqual, strictEqual } from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { Network } from '../../../cli/namespaces/network.js';
import { readAnswer, serverReport } from '../../../cli/probe/answer.js';
import { type Mark, markFor } from '../../../cli/probe/marks.js';
import { judge } from '../../../cli/probe/verdict.js';
import { createReportingServer } from '../../../cli/serve/server.js';
import { runCommand } from '../../../lib/daemon/command.js';
import { parseEndpoint } from '../../../lib/net/address.js';
import { type Carrier, exchange, RawLine } from '../../../lib/probe/index.js';
import { formats } from '../../../lib/toa/index.js';
import { main } from '../../cli/toa.js';
import type { Case, Guest } from '../guest/guest.js';
import { exceptEmulated } from './commands.js';
import { CLIENT4, CLIENT6 } from './toa.js';

const VIPS = { 4: parseEndpoint('192.0.2.80:443')!, 6: parseEndpoint('[2001:db8:80::80]:443')! } as const;
const LOOPBACK = { 4: '127.0.0.1', 6: '::1' } as const;

interface Shown {
  readonly verdict: string;
  readonly via: string | null | undefined;
  readonly reason: string;
}

/** What becomes of an option on these segments, in one connection of the guest to itself. */
async function probe(mark: Mark, port: number, on: readonly Carrier[], losesAck = false): Promise<Shown> {
  const { family } = (mark.format.client ?? mark.format.vip)!;
  using line = new RawLine({ address: LOOPBACK[family], port, family });
  const result = await exchange(line, {
    request: Buffer.from('GET / HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n'),
    marks: Object.fromEntries(on.map((carrier) => [carrier, mark.bytes])),
    losesAck,
    timeout: 20_000,
    signal: new AbortController().signal,
  });
  const report = serverReport(readAnswer(result.answer));
  const { verdict, reason } = judge({ mark, on, source: line.source.address }, result, report);
  return { verdict, via: report?.via, reason };
}

/**
 * Keeps the kernel's resets from all probes of a case, faster than a guard for each. Those of a probe have an owner and
 * pass: it sends one where its port was another probe's a minute ago, and the server remembers.
 */
function guard(guest: Guest, port: number): void {
  const ruleset = `table inet probes {
    chain output {
      type filter hook output priority -300;
      meta skuid >= 0 accept
      tcp dport ${port} tcp flags rst drop
    }
  }`;
  runCommand('nft', ['-f', '-'], ruleset);
  guest.afterwards(() => runCommand('nft', ['delete', 'table', 'inet', 'probes']));
}

/** A server of `toa serve` on a port of its own, until the case has ended. */
async function serve(guest: Guest): Promise<number> {
  const { server } = createReportingServer(false, { trust: 'private' }, () => {});
  server.listen(0, '::');
  guest.afterwards(() => server.close());
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

export const probeCases: readonly Case[] = [
  {
    name: 'toa probe: every format is recovered by the module from the segment that ends the handshake',
    patience: 400,
    run: async (guest) => {
      guest.load({ trusted: '127.0.0.1,::1', formats: 'all' });
      const port = await serve(guest);
      guard(guest, port);
      for (const format of formats) {
        const { family } = (format.client ?? format.vip)!;
        const mark = markFor(parseEndpoint(family === 4 ? CLIENT4 : CLIENT6)!, VIPS[family], format.id);
        if (format.id.startsWith('vip-253')) guest.module.set({ formats: format.id });
        else guest.module.set({ formats: 'all' });
        const via = format.client ? 'module' : null;
        const label = (shown: Shown, what: string) => `${format.id} on ${what}: ${shown.reason}`;
        const ack = await probe(mark, port, ['ack']);
        deepStrictEqual([ack.verdict, ack.via], ['recovered', via], label(ack, 'ack'));
        const late = await probe(mark, port, ['data']);
        strictEqual(late.verdict, 'lost', label(late, 'data'));
        strictEqual(late.reason, 'the option was on data only, which came when the handshake was over');
        const data = await probe(mark, port, ['data'], true);
        deepStrictEqual([data.verdict, data.via], ['recovered', via], label(data, 'data that ends it'));
        guest.module.set({ syn: 1 });
        const syn = await probe(mark, port, ['syn']);
        deepStrictEqual([syn.verdict, syn.via], ['recovered', via], label(syn, 'syn'));
        guest.module.set({ syn: 0 });
      }
    },
  },
  {
    name: 'toa probe and toa serve as processes: the module tells the client, and what it does not trust is said',
    patience: 400,
    unless: exceptEmulated,
    run: async (guest) => {
      guest.load({ trusted: '10.0.0.1' });
      const network = new Network();
      guest.afterwards(() => network.dispose());
      const prober = network.namespace('prober');
      const server = network.namespace('server');
      network.cable(
        { namespace: prober, device: 'eth0', addresses: ['10.0.0.1/24', 'fd00::1/64'] },
        { namespace: server, device: 'eth0', addresses: ['10.0.0.2/24', 'fd00::2/64'] },
      );
      const args = [main, 'serve', '--port', '80', '--trust', 'private'];
      await server.start(process.execPath, args).line(/^listening/, 60_000);
      const run = async (host: string) => {
        const options = ['--client', CLIENT4, '--on', 'ack', '--timeout', '20', '--json'];
        const { code, stdout, stderr } = await prober.run(process.execPath, [
          main,
          'probe',
          host,
          ...options,
        ]);
        strictEqual(stderr, '');
        const { verdict, reason, server: seen } = JSON.parse(stdout.toString());
        return [code, verdict, seen.via, seen.module, reason];
      };
      deepStrictEqual(await run('10.0.0.2:80'), [
        0,
        'recovered',
        'module',
        true,
        `the server knows ${CLIENT4}, by the kernel module`,
      ]);
      deepStrictEqual(await run('[fd00::2]:80'), [
        1,
        'lost',
        null,
        true,
        'the option was on ack only, and the kernel module of the server did not take it',
      ]);
    },
  },
];
