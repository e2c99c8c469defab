import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../../lib/native.js';
import { formatEndpoint } from '../../../lib/net/address.js';
import type { FormatId, ToaRecord } from '../../../lib/toa/index.js';
import type { Case, Guest } from '../guest/guest.js';
import { CLIENT4, RECORD, recordOf, toa } from './toa.js';

interface Row {
  readonly format: FormatId;
  readonly option: string;
  readonly record: ToaRecord;
}

/** Whether a client can be there at all. */
interface ClientRow {
  readonly what: string;
  readonly format: FormatId;
  readonly option: string;
  readonly plausible: boolean;
}

const { options: rows, clients } = JSON.parse(
  readFileSync(join(packageRoot, 'test/vectors/toa-options.json'), 'utf8'),
) as { options: Row[]; clients: ClientRow[] };

const isVipOf253 = ({ format }: Row) => format.startsWith('vip-253');

export const formatCases: readonly Case[] = [
  {
    name: 'every format names its client to accept, getpeername and the record',
    run: async (guest) => {
      guest.load({ formats: 'all' });
      for (const row of rows) if (!isVipOf253(row)) await check(guest, row);
      guest.module.set({ formats: 'vip-253' });
      for (const row of rows) if (isVipOf253(row)) await check(guest, row);
    },
  },
  {
    name: 'formats that are not accepted are not looked at',
    run: async (guest) => {
      guest.load();
      const four = await guest.listen(4);
      for (const { format, option } of rows) {
        if (format === 'toa-v4' || format === 'toa-v6') continue;
        const { client, accepted, fd } = await guest.join(four, 4, { ack: Buffer.from(option, 'hex') });
        strictEqual(accepted, client.name, format);
        strictEqual(await recordOf(guest, fd), 'ESRCH', format);
      }
    },
  },
  {
    name: 'without an option the peer is the client',
    run: async (guest) => {
      guest.load();
      for (const family of [4, 6] as const) {
        const { client, accepted, peer, fd } = await guest.join(await guest.listen(family), family);
        deepStrictEqual([accepted, peer], [client.name, client.name]);
        strictEqual(await recordOf(guest, fd), 'ESRCH');
      }
      deepStrictEqual(guest.module.connections(), []);
    },
  },
  {
    name: 'options that do not parse are nobody’s',
    run: async (guest) => {
      const good = [...toa(CLIENT4)];
      const malformed: Readonly<Record<string, readonly number[]>> = {
        'length 0': [254, 0, 1, 2, 3, 4, 5, 6],
        'length 1': [254, 1, 1, 2, 3, 4, 5, 6],
        'beyond the header': [1, 1, 1, 1, 254, 20, 1, 2],
        'a kind without its length': [1, 1, 1, 254],
        'of a length that no format has': [254, 9, 1, 2, 3, 4, 5, 6, 7, 1, 1, 1],
        'behind the end of the list': [0, 1, 1, 1, ...good],
      };
      const attempt = async (what: string) => {
        const listening = await guest.listen(4, { timeout: 6 });
        return guest.join(listening, 4, { ack: Uint8Array.from(malformed[what]!) });
      };
      // Some kernels drop some of these themselves.
      const arriving: string[] = [];
      for (const what of Object.keys(malformed)) {
        await attempt(what).then(
          () => arriving.push(what),
          (error: Error) => strictEqual(error.message, 'timed out'),
        );
      }
      ok(arriving.length >= 3, `only ${arriving} arrive`);
      guest.load({ formats: 'all' });
      for (const what of arriving) {
        const { client, accepted, peer, fd } = await attempt(what);
        deepStrictEqual([accepted, peer], [client.name, client.name], what);
        strictEqual(await recordOf(guest, fd), 'ESRCH', what);
      }
    },
  },
  {
    name: 'a client that nobody can be is not believed of a trusted peer either, and counted',
    run: async (guest) => {
      guest.load({ formats: 'all' });
      const listening = await guest.listen(6);
      for (const { what, option, plausible } of clients) {
        const { client, peer, fd } = await guest.join(listening, 6, { ack: Buffer.from(option, 'hex') });
        strictEqual(peer !== client.name, plausible, `${what}: ${peer}`);
        strictEqual((await recordOf(guest, fd)) !== 'ESRCH', plausible, what);
        client.destroy();
      }
      const impossible = clients.filter(({ plausible }) => !plausible).length;
      const { toa_implausible, syn_recv_sock_no_toa } = guest.module.stats();
      deepStrictEqual([toa_implausible, syn_recv_sock_no_toa], [impossible, impossible]);
    },
  },
  {
    name: 'the first of two options wins',
    run: async (guest) => {
      guest.load();
      const ack = Buffer.concat([toa(CLIENT4), toa('198.51.100.99:1234')]);
      const { accepted, peer } = await guest.join(await guest.listen(4), 4, { ack });
      deepStrictEqual([accepted, peer], [CLIENT4, CLIENT4]);
    },
  },
];

/** A connection over the family of the format's client, or of its VIP where it has no client. */
async function check(guest: Guest, { format, option, record }: Row): Promise<void> {
  const { family } = (record.client ?? record.vip)!;
  const listening = await guest.listen(family);
  const { client, accepted, peer, fd } = await guest.join(listening, family, {
    ack: Buffer.from(option, 'hex'),
  });
  const shown = record.client?.port === 0 ? addressOf(peer) : peer;
  const wanted = record.client === undefined ? client.name : endpoint(record.client)!;
  strictEqual(shown, record.client?.port === 0 ? addressOf(wanted) : wanted, `${format}: getpeername`);
  strictEqual(accepted, peer, `${format}: accept`);
  const read = await recordOf(guest, fd);
  ok(typeof read === 'object', `${format}: ${read}`);
  deepStrictEqual(
    { ...read, flags: read.flags & ~8 },
    {
      size: RECORD.length,
      version: 1,
      flags: 2,
      kind: Number.parseInt(option.slice(0, 2), 16),
      length: option.length / 2,
      client: endpoint(record.client),
      vip: endpoint(record.vip),
      peer: client.name,
      vpcId: record.vpcId ?? 0,
    },
    format,
  );
  strictEqual((read.flags & 8) !== 0, record.vip !== undefined, `${format}: the flag of the VIP`);
  client.destroy();
}

const endpoint = (of: { address: string; port: number } | undefined) =>
  of && formatEndpoint(of.address, of.port);
const addressOf = (text: string) => text.slice(0, text.lastIndexOf(':'));
