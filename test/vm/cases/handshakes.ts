import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import { once } from 'node:events';
import { parseHostPort } from '../../support/injected-connection.js';
import { encodeTcp, type TcpSegment } from '../../support/tcp-segment.js';
import { type Case, type Guest, until, within } from '../guest/guest.js';
import { SERVER } from '../guest/wire.js';
import type { Accepted } from '../guest/witness.js';
import { CLIENT4, CLIENT6, FOUND, IPPROTO_TCP, recordOf, toa } from './toa.js';

const OTHER4 = '198.51.100.99:1234';
const isBareAck = ({ flags, payload }: TcpSegment) => flags === 'A' && payload.length === 0;

export const handshakeCases: readonly Case[] = [
  {
    name: 'SYN cookies: the option on the ACK',
    run: async (guest) => {
      guest.sysctl('net/ipv4/tcp_syncookies', 2);
      guest.load();
      for (const [family, client] of [
        [4, CLIENT4],
        [6, CLIENT6],
      ] as const) {
        const { accepted, peer, fd } = await guest.join(await guest.listen(family), family, {
          ack: toa(client),
        });
        deepStrictEqual([accepted, peer], [client, client]);
        const record = await recordOf(guest, fd);
        ok(typeof record === 'object', `${record}`);
        strictEqual(record.flags, FOUND.ack);
      }
    },
  },
  {
    name: 'SYN cookies: the same ACK twice at once makes one connection with its client',
    run: async (guest) => {
      guest.sysctl('net/ipv4/tcp_syncookies', 2);
      guest.load();
      const listening = await guest.listen(4);
      for (let i = 0; i < 50; i++) {
        const client = `203.0.113.7:${3000 + i}`;
        const { accepted, peer } = await guest.join(listening, 4, { ack: toa(client), repeats: isBareAck });
        deepStrictEqual([accepted, peer], [client, client]);
      }
      strictEqual(guest.module.connections().length, 50);
    },
  },
  {
    name: 'an option on the SYN only is not believed unless asked for',
    run: async (guest) => {
      guest.load();
      const { client, accepted, fd } = await guest.join(await guest.listen(4), 4, { syn: toa(CLIENT4) });
      strictEqual(accepted, client.name);
      strictEqual(await recordOf(guest, fd), 'ESRCH');
    },
  },
  {
    name: 'syn=1: the option on the SYN only, for listeners opened before and after loading',
    run: async (guest) => {
      const before = [await guest.listen(4), await guest.listen(6)] as const;
      guest.load({ syn: 1 });
      const after = [await guest.listen(4), await guest.listen(6)] as const;
      for (const [four, six] of [before, after]) {
        const one = await guest.join(four, 4, { syn: toa(CLIENT4) });
        deepStrictEqual([one.accepted, one.peer], [CLIENT4, CLIENT4]);
        const record = await recordOf(guest, one.fd);
        ok(typeof record === 'object', `${record}`);
        strictEqual(record.flags, FOUND.syn);
        const other = await guest.join(six, 6, { syn: toa(CLIENT6) });
        deepStrictEqual([other.accepted, other.peer], [CLIENT6, CLIENT6]);
      }
    },
  },
  {
    name: 'syn=0 again: the SYN is not looked at, also by listeners that were armed',
    run: async (guest) => {
      guest.load({ syn: 1 });
      const listening = await guest.listen(4);
      strictEqual(await saveSynOf(guest, listening.listener), 3, 'armed');
      strictEqual((await guest.join(listening, 4, { syn: toa(CLIENT4) })).accepted, CLIENT4);
      guest.module.set({ syn: 0 });
      strictEqual(await saveSynOf(guest, listening.listener), 0, 'disarmed by syn=0');
      const { client, accepted } = await guest.join(listening, 4, { syn: toa(CLIENT4) });
      strictEqual(accepted, client.name);
      guest.module.set({ syn: 1 });
      strictEqual(await saveSynOf(guest, listening.listener), 3, 'armed again');
      guest.module.unload();
      strictEqual(await saveSynOf(guest, listening.listener), 0, 'disarmed by unloading');
    },
  },
  {
    name: 'syn=1 leaves TCP_SAVED_SYN to programs as it was',
    run: async (guest) => {
      guest.load({ syn: 1 });
      const TCP_SAVED_SYN = 28;
      const plain = await guest.join(await guest.listen(4), 4, { syn: toa(CLIENT4) });
      const nothing = await guest.witness.option(plain.fd, IPPROTO_TCP, TCP_SAVED_SYN, 256);
      strictEqual(nothing.length, 0, 'a program that did not ask for the SYN gets none');
      const asked = await guest.join(await guest.listen(4, { save_syn: 1 }), 4, { syn: toa(CLIENT4) });
      const saved = await guest.witness.option(asked.fd, IPPROTO_TCP, TCP_SAVED_SYN, 256);
      ok(typeof saved !== 'string' && saved.length >= 48, `a program that did gets it: ${saved}`);
    },
  },
  {
    name: 'the option of the ACK wins over that of the SYN',
    run: async (guest) => {
      guest.load({ syn: 1 });
      const { accepted } = await guest.join(await guest.listen(4), 4, {
        syn: toa(OTHER4),
        ack: toa(CLIENT4),
      });
      strictEqual(accepted, CLIENT4);
    },
  },
  {
    name: 'TCP_DEFER_ACCEPT: the option on the first data',
    run: async (guest) => {
      guest.load();
      const { listener, port } = await guest.listen(4, { defer: 5 });
      const client = await guest.connect(`${SERVER[4]}:${port}`, { ack: toa(CLIENT4) });
      client.write('hello');
      const { accepted, peer, fd } = await guest.witness.accept(listener);
      deepStrictEqual([accepted, peer], [CLIENT4, CLIENT4]);
      strictEqual(await guest.witness.ask('read', fd, 10), 'hello');
      const record = await recordOf(guest, fd);
      ok(typeof record === 'object', `${record}`);
      strictEqual(record.flags, FOUND.data);
    },
  },
  {
    name: 'a lost ACK: the option on the first data',
    run: async (guest) => {
      guest.load();
      const { listener, port } = await guest.listen(4);
      const client = await guest.connect(`${SERVER[4]}:${port}`, { ack: toa(CLIENT4), loses: isBareAck });
      client.write('hello');
      const { accepted, peer, fd } = await guest.witness.accept(listener);
      deepStrictEqual([accepted, peer], [CLIENT4, CLIENT4]);
      strictEqual(await guest.witness.ask('read', fd, 10), 'hello');
      const record = await recordOf(guest, fd);
      ok(typeof record === 'object', `${record}`);
      strictEqual(record.flags, FOUND.data);
    },
  },
  {
    name: 'later segments do not change what the handshake said',
    run: async (guest) => {
      guest.load();
      const { client, fd } = await guest.join(await guest.listen(4), 4, {
        ack: toa(CLIENT4),
        early: toa(OTHER4),
      });
      client.write('hello');
      strictEqual(await guest.witness.ask('read', fd, 10), 'hello');
      strictEqual(await guest.witness.peer(fd), CLIENT4);
    },
  },
  {
    name: 'Fast Open: with syn=1 the option of the SYN, else the peer, and both are counted',
    run: async (guest) => {
      guest.sysctl('net/ipv4/tcp_fastopen', 0x602); // servers, without a cookie, all listeners
      guest.load({ syn: 1 });
      const before = guest.module.stats();
      strictEqual((await openFast(guest, '10.9.1.1:7001')).peer, CLIENT4);
      guest.module.set({ syn: 0 });
      const { peer, fd } = await openFast(guest, '10.9.1.1:7002');
      strictEqual(peer, '10.9.1.1:7002');
      strictEqual(await recordOf(guest, fd), 'ESRCH');
      const after = guest.module.stats();
      strictEqual(after.toa_fast_open! - before.toa_fast_open!, 2, 'all of them');
      strictEqual(after.toa_fast_open_no_toa! - before.toa_fast_open_no_toa!, 1, 'those without a client');
    },
  },
  {
    name: 'Fast Open: an option on the ACK only comes too late; the peer is shown, and counted',
    run: async (guest) => {
      guest.sysctl('net/ipv4/tcp_fastopen', 0x602);
      guest.load();
      // Asks for a cookie, and is taken at once: this server wants none.
      const request = Uint8Array.of(34, 2, 1, 1);
      for (const syn of [0, 1] as const) {
        guest.module.set({ syn });
        const before = guest.module.stats();
        const listening = await guest.listen(4, { fastopen: 10 });
        const { client, accepted, peer, fd } = await guest.join(listening, 4, {
          syn: request,
          ack: toa(CLIENT4),
        });
        deepStrictEqual([accepted, peer], [client.name, client.name]);
        client.write('hello');
        strictEqual(await guest.witness.ask('read', fd, 10), 'hello');
        strictEqual(await guest.witness.peer(fd), client.name, 'nor later');
        strictEqual(await recordOf(guest, fd), 'ESRCH');
        const after = guest.module.stats();
        const counted = ['toa_fast_open', 'toa_fast_open_no_toa', 'syn_recv_sock_no_toa'] as const;
        deepStrictEqual(
          counted.map((name) => after[name]! - before[name]!),
          [1, 1, 1],
          `syn=${syn}: ${counted}`,
        );
      }
    },
  },
  {
    name: 'a connection that is reset before accept still has its client, or says that it is gone',
    run: async (guest) => {
      guest.load();
      const { listener, port } = await guest.listen(4);
      const client = await guest.connect(`${SERVER[4]}:${port}`, { ack: toa(CLIENT4) });
      await until('a line in toa_connections', () => guest.module.connections().length > 0);
      client.reset();
      const { accepted, peer } = await guest.witness.accept(listener);
      strictEqual(accepted, CLIENT4, 'accept');
      ok(peer === CLIENT4 || peer === 'ENOTCONN', `getpeername: ${peer}`);
    },
  },
  {
    name: 'a client that resets during the handshake leaves nothing',
    run: async (guest) => {
      guest.load();
      const { port } = await guest.listen(4);
      for (let i = 0; i < 20; i++) {
        const client = guest.start(`${SERVER[4]}:${port}`, { ack: toa(CLIENT4), loses: isBareAck });
        await within(5, 'SYN-ACK', once(client, 'connect'));
        client.reset();
      }
      strictEqual(guest.module.connections().length, 0);
    },
  },
];

/** What TCP_SAVE_SYN says of a listener: 3 where it was the module that asked for the SYN. */
async function saveSynOf(guest: Guest, listener: number): Promise<number> {
  const TCP_SAVE_SYN = 27;
  const value = await guest.witness.option(listener, IPPROTO_TCP, TCP_SAVE_SYN, 4);
  ok(typeof value !== 'string', `TCP_SAVE_SYN: ${value}`);
  return value[0]!;
}

/** A SYN with an option and data, which makes a connection at once, without an ACK. */
async function openFast(guest: Guest, from: string): Promise<Accepted> {
  const { listener, port } = await guest.listen(4, { fastopen: 10 });
  const [source, target] = [parseHostPort(from), parseHostPort(`${SERVER[4]}:${port}`)];
  const ends = { from: source.port, to: target.port };
  const fields = { ...ends, seq: 1000, flags: 'S', options: [toa(CLIENT4), Uint8Array.of(2, 4, 5, 180)] };
  const bytes = encodeTcp(fields, Buffer.from('hello'), source.address, target.address);
  guest.wire.send([{ from: source, to: target, bytes, partialChecksum: false, gsoSize: 0 }]);
  const accepted = await guest.witness.accept(listener);
  strictEqual(await guest.witness.ask('read', accepted.fd, 10), 'hello');
  return accepted;
}
