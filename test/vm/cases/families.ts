import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import type { Case } from '../guest/guest.js';
import { SERVER } from '../guest/wire.js';
import { CLIENT4, CLIENT6, FOUND, IPPROTO_IP, IPPROTO_IPV6, mapped, recordOf, toa } from './toa.js';

const TOA_SO_GET_LOOKUP = 4096;
const IPV6_ADDRFORM = 1;
const AF_INET = 2;

export const familyCases: readonly Case[] = [
  {
    name: 'an IPv4 client on a dual-stack listener is shown v4-mapped',
    run: async (guest) => {
      guest.load();
      const { accepted, peer, fd, client } = await guest.join(await guest.listen(6), 4, {
        ack: toa(CLIENT4),
      });
      deepStrictEqual([accepted, peer], [mapped(CLIENT4), mapped(CLIENT4)]);
      const record = await recordOf(guest, fd);
      ok(typeof record === 'object', `${record}`);
      deepStrictEqual([record.client, record.peer].map(unmapped), [CLIENT4, client.name]);
      strictEqual(guest.module.stats().syn_recv_sock_toa, 1, 'counted once');
    },
  },
  {
    name: 'an IPv6 client on an IPv6 listener',
    run: async (guest) => {
      guest.load();
      const { accepted, peer, fd, client } = await guest.join(await guest.listen(6), 6, {
        ack: toa(CLIENT6),
      });
      deepStrictEqual([accepted, peer], [CLIENT6, CLIENT6]);
      const record = await recordOf(guest, fd);
      ok(typeof record === 'object', `${record}`);
      deepStrictEqual([record.client, record.peer, record.flags], [CLIENT6, client.name, FOUND.ack]);
    },
  },
  {
    name: 'an IPv4 client that comes over IPv6 is shown v4-mapped',
    run: async (guest) => {
      guest.load();
      const { accepted, peer } = await guest.join(await guest.listen(6), 6, { ack: toa(CLIENT4) });
      deepStrictEqual([accepted, peer], [mapped(CLIENT4), mapped(CLIENT4)]);
    },
  },
  {
    name: 'NAT64: an IPv6 client on an IPv4 socket through socket option 4096, getpeername unchanged',
    run: async (guest) => {
      guest.load();
      const { accepted, peer, fd, client } = await guest.join(await guest.listen(4), 4, {
        ack: toa(CLIENT6),
      });
      deepStrictEqual([accepted, peer], [client.name, client.name]);
      const lookup = await guest.witness.option(fd, IPPROTO_IP, TOA_SO_GET_LOOKUP, 20);
      ok(typeof lookup !== 'string', `option 4096: ${lookup}`);
      strictEqual(Buffer.from(lookup).toString('hex'), '20010db8000000000000000000000007c93a0000');
      const record = await recordOf(guest, fd);
      ok(typeof record === 'object', `${record}`);
      deepStrictEqual([record.client, record.peer], [CLIENT6, client.name]);
      strictEqual(record.flags, FOUND.ack | FOUND.nat64);
    },
  },
  {
    name: 'NAT64 on a dual-stack listener shows the IPv6 client',
    run: async (guest) => {
      guest.load();
      const { accepted, peer } = await guest.join(await guest.listen(6), 4, { ack: toa(CLIENT6) });
      deepStrictEqual([accepted, peer], [CLIENT6, CLIENT6]);
    },
  },
  {
    name: 'IPV6_ADDRFORM turns a v4-mapped connection into an IPv4 one with the same client',
    run: async (guest) => {
      guest.load();
      const { fd } = await guest.join(await guest.listen(6), 4, { ack: toa(CLIENT4) });
      await guest.witness.setOption(fd, IPPROTO_IPV6, IPV6_ADDRFORM, Uint8Array.of(AF_INET, 0, 0, 0));
      strictEqual(await guest.witness.peer(fd), CLIENT4);
    },
  },
  {
    name: 'a client whose port looks like the magic of Fast Open',
    run: async (guest) => {
      guest.load();
      const { accepted } = await guest.join(await guest.listen(4), 4, { ack: toa('203.0.113.7:63881') });
      strictEqual(accepted, '203.0.113.7:63881');
    },
  },
  {
    name: 'connections that this machine opens itself show their peer',
    run: async (guest) => {
      guest.load();
      const { listener, port } = await guest.listen(4);
      const fd = await guest.witness.ask<number>('fresh', 4, {});
      await guest.witness.ask('connect', fd, SERVER[4], port);
      await guest.witness.accept(listener);
      strictEqual(await guest.witness.peer(fd), `${SERVER[4]}:${port}`);
      strictEqual(await recordOf(guest, fd), 'ESRCH');
    },
  },
];

const unmapped = (text: string | undefined) => text?.replace(/^\[::ffff:(.*)\]/, '$1');
