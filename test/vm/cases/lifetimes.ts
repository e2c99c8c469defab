import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import { churn } from '../guest/churn.js';
import { type Case, freshPort, type Guest, until } from '../guest/guest.js';
import { SERVER } from '../guest/wire.js';
import { CLIENT4, mapped, recordOf, toa } from './toa.js';

const noneLeft = (guest: Guest) =>
  until('no live entry', () => {
    const { toa_entry_alloc: made, toa_entry_free: freed } = guest.module.stats();
    return guest.module.connections().length === 0 && made === freed;
  });

export const lifetimeCases: readonly Case[] = [
  {
    name: '20,000 connections show their clients, and leave nothing',
    patience: 300,
    run: async (guest) => {
      guest.load();
      const { client, gone, wrong, first } = await churn(guest, {
        port: freshPort(),
        count: 20_000,
        shows: 'all',
      });
      deepStrictEqual([client + gone, wrong, first], [20_000, 0, '']);
      await noneLeft(guest);
    },
  },
  {
    name: 'SYN cookies: the same ACK on two processors at once makes one connection, and leaves nothing',
    patience: 300,
    run: async (guest) => {
      guest.sysctl('net/ipv4/tcp_syncookies', 2);
      guest.load();
      const seen = await churn(guest, { port: freshPort(), count: 1000, shows: 'all', twice: true });
      deepStrictEqual([seen.client + seen.gone, seen.wrong, seen.first], [1000, 0, '']);
      await noneLeft(guest);
    },
  },
  {
    name: 'max_entries: connections beyond it show their peer, and are counted',
    patience: 200,
    run: async (guest) => {
      guest.load({ max_entries: 1024 }); // the least there may be
      const crowd = await guest.listen(4, { backlog: 2000 });
      for (let crowded = 50; crowded <= 1000; crowded += 50) {
        for (let i = 0; i < 50; i++) guest.start(`${SERVER[4]}:${crowd.port}`, { ack: toa(CLIENT4) });
        await until(`a crowd of ${crowded}`, () => guest.module.connections().length === crowded);
      }
      const listening = await guest.listen(4);
      const joined = [];
      for (let i = 0; i < 30; i++)
        joined.push(await guest.join(listening, 4, { ack: toa(`203.0.113.7:${100 + i}`) }));
      deepStrictEqual(
        joined.map(({ peer }) => peer),
        joined.map(({ client }, i) => (i < 24 ? `203.0.113.7:${100 + i}` : client.name)),
      );
      strictEqual(guest.module.stats().toa_table_full, 6);
      await guest.witness.ask('close', joined[0]!.fd);
      joined[0]!.client.destroy();
      const hasRoom = async () => (await guest.join(listening, 4, { ack: toa(CLIENT4) })).peer === CLIENT4;
      await until('room again', hasRoom);
    },
  },
  {
    name: 'a socket that is dissolved by AF_UNSPEC and connected again has a new peer, and no client',
    run: async (guest) => {
      guest.load();
      const { fd } = await guest.join(await guest.listen(4), 4, { ack: toa(CLIENT4) });
      strictEqual(await guest.witness.peer(fd), CLIENT4);
      await guest.witness.ask('unspecified', fd);
      strictEqual(await guest.witness.peer(fd), 'ENOTCONN');
      const other = await guest.listen(4);
      await guest.witness.ask('connect', fd, SERVER[4], other.port);
      strictEqual(await guest.witness.peer(fd), `${SERVER[4]}:${other.port}`);
      strictEqual(await recordOf(guest, fd), 'ESRCH');
    },
  },
  {
    name: 'a socket that is dissolved by AF_UNSPEC and listens is forgotten, and what it accepts has its client',
    run: async (guest) => {
      guest.load();
      const { fd } = await guest.join(await guest.listen(4), 4, { ack: toa(CLIENT4) });
      await guest.witness.ask('unspecified', fd);
      await guest.witness.ask('listen_with', fd);
      deepStrictEqual(guest.module.connections(), []);
      const port = Number(/\d+$/.exec(await guest.witness.ask<string>('local', fd))![0]);
      const { accepted, peer } = await guest.join({ listener: fd, port }, 4, { ack: toa(CLIENT4) });
      deepStrictEqual([accepted, peer], [CLIENT4, CLIENT4]);
    },
  },
  {
    name: 'a listener that is closed with connections in its queue takes them along',
    run: async (guest) => {
      guest.load();
      const { listener, port } = await guest.listen(4, { backlog: 20 });
      for (let i = 0; i < 25; i++)
        guest.start(`${SERVER[4]}:${port}`, { ack: toa(`203.0.113.7:${100 + i}`) });
      await until('a full queue', () => guest.module.connections().length >= 20);
      await guest.witness.ask('close', listener);
      await noneLeft(guest);
    },
  },
  {
    name: 'unloaded, live connections show their peer; loaded again, new ones show their client',
    run: async (guest) => {
      guest.load();
      const listening = [await guest.listen(4), await guest.listen(6)] as const;
      const four = await guest.join(listening[0], 4, { ack: toa(CLIENT4) });
      const mixed = await guest.join(listening[1], 4, { ack: toa(CLIENT4) });
      guest.module.unload();
      strictEqual(await guest.witness.peer(four.fd), four.client.name);
      strictEqual(await guest.witness.peer(mixed.fd), mapped(mixed.client.name));
      guest.load();
      strictEqual(await guest.witness.peer(four.fd), four.client.name);
      strictEqual(await recordOf(guest, four.fd), 'ESRCH');
      strictEqual((await guest.join(listening[0], 4, { ack: toa(CLIENT4) })).peer, CLIENT4);
      four.client.write('hello');
      strictEqual(await guest.witness.ask('read', four.fd, 10), 'hello');
    },
  },
  {
    name: 'connections end after the module without harm',
    run: async (guest) => {
      guest.load();
      const listening = await guest.listen(4);
      for (let i = 0; i < 20; i++) await guest.join(listening, 4, { ack: toa(`203.0.113.7:${100 + i}`) });
      guest.module.unload();
      await guest.witness.reset();
      ok(!guest.module.loaded);
      guest.load();
      deepStrictEqual(guest.module.connections(), []);
    },
  },
];
