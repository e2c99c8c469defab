import { deepStrictEqual, match, ok, strictEqual, throws } from 'node:assert/strict';
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { runShell } from '../../support/run-shell.js';
import type { Case, Guest, Site } from '../guest/guest.js';
import { type Settings, settingPath } from '../guest/toa-module.js';
import { CLIENT4, CLIENT6, recordOf, toa } from './toa.js';

const UNTRUSTED4 = '10.9.2.1:4444';
const UNTRUSTED6 = '[fd00:9:2::1]:4444';

/** 256 blocks, which is as many as there may be. */
const many = (count: number) =>
  Array.from({ length: count }, (_, i) => `10.${i >> 8}.${i & 255}.0/24`).join(',');

const nonsense: Required<{ [Name in keyof Settings]: readonly string[] }> = {
  enabled: ['2', '-1', 'x'],
  syn: ['2', '-1', 'x'],
  formats: ['toa-v5', 'toa-v4,vip-253-v4,toa-v4-253', 'toa-v4;toa-v6', 'x'.repeat(5000)],
  trusted: [
    ...[
      'banana',
      '10.0.0.0/33',
      '10.0.0.0/-1',
      '10.0.0/8',
      '10.0.0.0/8x',
      '256.0.0.1',
      '10.0.0.0/8,banana',
      '::/129',
    ],
    ...['fd00::/64/64', '1::2::3', 'private,x', many(257), '10.0.0.0/8,'.repeat(1600)],
  ],
};

export const trustCases: readonly Case[] = [
  {
    name: 'an option from a peer that is not trusted is not believed, and counted',
    run: async (guest) => {
      guest.load();
      const lists = [
        [4, UNTRUSTED4, toa(CLIENT4)],
        [6, UNTRUSTED6, toa(CLIENT6)],
        [4, UNTRUSTED4, toa('127.0.0.1:80')],
      ] as const;
      for (const [family, from, ack] of lists) {
        const { accepted, peer, fd, client } = await guest.join(await guest.listen(family), family, {
          from,
          ack,
        });
        deepStrictEqual([accepted, peer], [from, from]);
        strictEqual(await recordOf(guest, fd), 'ESRCH');
        client.destroy();
      }
      strictEqual(guest.module.stats().toa_untrusted, lists.length);
    },
  },
  {
    name: 'nobody is believed unless told otherwise',
    run: async (guest) => {
      guest.module.load();
      strictEqual(guest.module.get('trusted'), '');
      await expectPeer(guest, guest, 4);
    },
  },
  {
    name: 'private networks are believed when told so, and no others',
    run: async (guest) => {
      guest.load({ trusted: 'private' });
      for (const from of ['10.200.0.1:5000', '172.31.255.255:5000', '192.168.0.1:5000']) {
        strictEqual(
          (await guest.join(await guest.listen(4), 4, { from, ack: toa(CLIENT4) })).accepted,
          CLIENT4,
          from,
        );
      }
      for (const from of ['172.32.0.1:5000', '192.169.0.1:5000', '11.0.0.1:5000', '203.0.113.99:5000']) {
        strictEqual((await guest.join(await guest.listen(4), 4, { from, ack: toa(CLIENT4) })).accepted, from);
      }
      const from = '[2001:db8::99]:5000';
      strictEqual((await guest.join(await guest.listen(6), 6, { from, ack: toa(CLIENT6) })).accepted, from);
      await expectClient(guest, guest, 6);
    },
  },
  {
    name: 'a v4-mapped peer is trusted by its IPv4 address',
    run: async (guest) => {
      guest.load({ trusted: '10.9.1.0/24' });
      const { accepted } = await guest.join(await guest.listen(6), 4, { ack: toa(CLIENT4) });
      strictEqual(accepted, `[::ffff:203.0.113.7]:51514`);
    },
  },
  {
    name: 'trust is changed while it runs, and what was accepted stays as it was',
    run: async (guest) => {
      guest.load();
      const listening = await guest.listen(4);
      const before = await guest.join(listening, 4, { ack: toa(CLIENT4) });
      guest.module.set({ trusted: '192.0.2.0/24' });
      strictEqual(await guest.witness.peer(before.fd), CLIENT4);
      await expectPeer(guest, guest, 4);
      guest.module.set({ trusted: '' });
      await expectPeer(guest, guest, 4);
      guest.module.set({ trusted: '10.9.1.1' });
      await expectClient(guest, guest, 4);
    },
  },
  {
    name: 'enabled=0 reads no option',
    run: async (guest) => {
      guest.load();
      guest.module.set({ enabled: 0 });
      await expectPeer(guest, guest, 4);
      guest.module.set({ enabled: 1 });
      await expectClient(guest, guest, 4);
    },
  },
  {
    name: 'two namespaces trust differently, and count for themselves',
    run: async (guest) => {
      guest.load();
      const one = guest.namespace('one');
      const two = guest.namespace('two');
      const inside = (name: string, command: string) => runShell(`ip netns exec ${name} sh -c '${command}'`);
      match(inside('two', 'cat /proc/sys/net/toa/trusted'), /10\.9\.1\.0\/24/, 'inherited');
      inside('two', 'echo 192.0.2.0/24 >/proc/sys/net/toa/trusted');
      for (const family of [4, 6] as const) {
        await expectClient(guest, one, family);
        await expectPeer(guest, two, family);
        await expectClient(guest, guest, family);
      }
      const stats = (name: string) => guest.module.stats(inside(name, 'cat /proc/net/toa_stats'));
      deepStrictEqual([stats('one').toa_untrusted, stats('two').toa_untrusted], [0, 2]);
      deepStrictEqual([stats('one').syn_recv_sock_toa, stats('two').syn_recv_sock_toa], [2, 0]);
      strictEqual(inside('one', 'cat /proc/net/toa_connections').match(/203\.0\.113\.7:51514/g)?.length, 1);
      strictEqual(inside('two', 'cat /proc/net/toa_connections').match(/203\.0\.113\.7:51514/g), null);
    },
  },
  {
    name: 'a namespace that ends takes its connections along',
    run: async (guest) => {
      guest.load();
      const site = guest.namespace('passing');
      await site.join(await site.listen(4), 4, { ack: toa(CLIENT4) });
      await guest.cleanUp();
      await expectClient(guest, guest, 4);
    },
  },
  {
    name: 'nonsense in a setting is EINVAL, and the old value stays',
    run: async (guest) => {
      guest.load();
      for (const [name, values] of Object.entries(nonsense) as [keyof Settings, readonly string[]][]) {
        const before = guest.module.get(name);
        for (const value of values) {
          throws(
            () => guest.module.set({ [name]: value } as Settings),
            { code: 'EINVAL' },
            `${name}=${value.slice(0, 60)}`,
          );
          strictEqual(guest.module.get(name), before, `${name}=${value.slice(0, 60)}`);
        }
      }
      await expectClient(guest, guest, 4);
    },
  },
  {
    name: 'a write at an offset is EINVAL, and the old value stays',
    run: async (guest) => {
      guest.load();
      for (const name of ['trusted', 'formats'] as const) {
        const before = guest.module.get(name);
        const fd = openSync(settingPath(name), 'w');
        throws(() => writeSync(fd, before, 3), { code: 'EINVAL' }, name);
        closeSync(fd);
        strictEqual(guest.module.get(name), before);
      }
    },
  },
  {
    name: 'parameters that are nonsense keep the module out',
    run: async (guest) => {
      for (const parameters of [{ trusted: 'banana' }, { formats: 'toa-v5' }]) {
        throws(() => guest.module.load(parameters), /insmod/);
        ok(!guest.module.loaded);
      }
    },
  },
  {
    name: '256 blocks in 16 KiB are taken whole and read back, one more of either is refused',
    run: async (guest) => {
      guest.load();
      const text = many(256);
      // with the line's end
      const padded = (length: number) => text.padEnd(length - 1);
      for (const trusted of [many(257), padded(16 * 1024 + 1)])
        throws(() => guest.module.set({ trusted }), { code: 'EINVAL' }, `${trusted.length} bytes`);
      guest.module.set({ trusted: padded(16 * 1024) });
      deepStrictEqual(
        readFileSync(settingPath('trusted'), 'utf8')
          .trim()
          .split(/[\s,]+/),
        text.split(','),
      );
    },
  },
];

async function expectClient(guest: Guest, site: Site, family: 4 | 6): Promise<void> {
  const wanted = family === 4 ? CLIENT4 : CLIENT6;
  const { accepted, peer } = await site.join(await site.listen(family), family, { ack: toa(wanted) });
  deepStrictEqual([accepted, peer], [wanted, wanted], JSON.stringify(guest.module.stats()));
}

async function expectPeer(guest: Guest, site: Site, family: 4 | 6): Promise<void> {
  const ack = toa(family === 4 ? CLIENT4 : CLIENT6);
  const { accepted, peer, client } = await site.join(await site.listen(family), family, { ack });
  deepStrictEqual([accepted, peer], [client.name, client.name], JSON.stringify(guest.module.stats()));
}
