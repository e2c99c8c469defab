import { deepStrictEqual, match, ok, strictEqual } from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { encodeToa, formatById } from '../../../lib/toa/index.js';
import { type Case, type Guest, until } from '../guest/guest.js';
import { SERVER } from '../guest/wire.js';
import { CLIENT4, CLIENT6, IPPROTO_IP, IPPROTO_IPV6, RECORD, toa } from './toa.js';

const TOA_SO_GET_LOOKUP = 4096;
const TOA_VIP_SO_GET_LOOKUP = 4097;
const VTOA_SO_GET_VS = 1345;
const VTOA_SO_GET_VS4RDS = 1346;
const HYBRID_VTOA_SO_GET_VS = 1347;

const VIP4 = { address: '198.51.100.10', port: 443, family: 4 } as const;
const VIP6 = { address: '2001:db8:0:1::443', port: 0, family: 6 } as const;
const client4 = { address: '203.0.113.7', port: 51514, family: 4 } as const;
const client6 = { address: '2001:db8::7', port: 51514, family: 6 } as const;
const VIP4_HEX = 'c633640a';
const VIP6_HEX = '20010db8000000010000000000000443';

const vtoa4 = encodeToa(formatById('vtoa-252'), { client: client4, vip: VIP4, vpcId: 0x01020304 });
const vtoa6 = encodeToa(formatById('vtoa-249'), { client: client6, vip: VIP6, vpcId: 0x123456 });

/** The option's answer in hexadecimal, or its error. */
async function ask(
  guest: Guest,
  fd: number,
  name: number,
  length: number,
  { level = IPPROTO_IP, given = '' } = {},
): Promise<string> {
  const answer = await guest.witness.option(fd, level, name, length, Buffer.from(given, 'hex'));
  return typeof answer === 'string' ? answer : Buffer.from(answer).toString('hex');
}

/** Little-endian, as the host has it. */
const u32 = (value: number) => Buffer.from(Uint32Array.of(value).buffer).toString('hex');
const u16 = (value: number) => Buffer.from(Uint16Array.of(value).buffer).toString('hex');
const AF_INET = 2;
const AF_INET6 = 10;

export const interfaceCases: readonly Case[] = [
  {
    name: 'socket option 4096 to the letter',
    run: async (guest) => {
      guest.load();
      const listening = await guest.listen(4);
      const nat64 = await guest.join(listening, 4, { ack: toa(CLIENT6) });
      const wanted = '20010db8000000000000000000000007c93a0000';
      strictEqual(await ask(guest, nat64.fd, TOA_SO_GET_LOOKUP, 20), wanted);
      strictEqual(
        await ask(guest, nat64.fd, TOA_SO_GET_LOOKUP, 64),
        wanted,
        'a longer buffer: 20 are returned',
      );
      strictEqual(await ask(guest, nat64.fd, TOA_SO_GET_LOOKUP, 19), 'EINVAL');
      const plain = await guest.join(listening, 4);
      strictEqual(await ask(guest, plain.fd, TOA_SO_GET_LOOKUP, 20), 'EINVAL', 'no option');
      const four = await guest.join(listening, 4, { ack: toa(CLIENT4) });
      strictEqual(await ask(guest, four.fd, TOA_SO_GET_LOOKUP, 20), 'EFAULT', 'not NAT64');
      const idle = await guest.witness.ask<number>('fresh', 4, {});
      strictEqual(await ask(guest, idle, TOA_SO_GET_LOOKUP, 20), 'ENOTCONN');
    },
  },
  {
    name: 'socket option 4097 to the letter',
    run: async (guest) => {
      guest.load({ formats: 'all' });
      const four = await guest.join(await guest.listen(4), 4, { ack: vtoa4 });
      const wanted4 = `${u32(AF_INET)}${VIP4_HEX}${'00'.repeat(12)}01bb0000`;
      strictEqual(await ask(guest, four.fd, TOA_VIP_SO_GET_LOOKUP, 24), wanted4);
      strictEqual(await ask(guest, four.fd, TOA_VIP_SO_GET_LOOKUP, 23), 'EINVAL');
      const six = await guest.join(await guest.listen(6), 6, { ack: vtoa6 });
      strictEqual(await ask(guest, six.fd, TOA_VIP_SO_GET_LOOKUP, 24), `${u32(AF_INET6)}${VIP6_HEX}00000000`);
      const without = await guest.join(await guest.listen(4), 4, { ack: toa(CLIENT4) });
      strictEqual(await ask(guest, without.fd, TOA_VIP_SO_GET_LOOKUP, 24), 'EINVAL');
    },
  },
  {
    name: 'socket options 1345, 1346 and 1347 to the letter',
    run: async (guest) => {
      guest.load({ formats: 'all' });
      const four = await guest.join(await guest.listen(4), 4, { ack: vtoa4 });
      const vs = `${u32(0x01020304)}${VIP4_HEX}01bb0000`;
      strictEqual(await ask(guest, four.fd, VTOA_SO_GET_VS, 12), vs);
      strictEqual(await ask(guest, four.fd, VTOA_SO_GET_VS, 40), vs);
      strictEqual(await ask(guest, four.fd, VTOA_SO_GET_VS, 11), 'EINVAL', 'too short');
      const given = `0600eeeecb007107c93aeeee0a0900010050eeee`;
      strictEqual(
        await ask(guest, four.fd, VTOA_SO_GET_VS4RDS, 32, { given }),
        `${given}${vs}`,
        'only the last 12 bytes are written',
      );
      for (const length of [31, 33])
        strictEqual(await ask(guest, four.fd, VTOA_SO_GET_VS4RDS, length, { given }), 'EINVAL');
      const hybrid4 = `${u32(0x01020304)}${VIP4_HEX}${'00'.repeat(12)}${u16(AF_INET)}01bb`;
      strictEqual(await ask(guest, four.fd, HYBRID_VTOA_SO_GET_VS, 24), hybrid4);
      strictEqual(await ask(guest, four.fd, HYBRID_VTOA_SO_GET_VS, 23), 'EINVAL', 'too short');
      const six = await guest.join(await guest.listen(6), 6, { ack: vtoa6 });
      const hybrid6 = `${u32(0x123456)}${VIP6_HEX}${u16(AF_INET6)}0000`;
      for (const level of [IPPROTO_IP, IPPROTO_IPV6])
        strictEqual(
          await ask(guest, six.fd, HYBRID_VTOA_SO_GET_VS, 24, { level }),
          hybrid6,
          `level ${level}`,
        );
      const without = await guest.join(await guest.listen(4), 4, { ack: toa(CLIENT4) });
      strictEqual(await ask(guest, without.fd, VTOA_SO_GET_VS, 12), 'ESRCH');
      strictEqual(await ask(guest, without.fd, VTOA_SO_GET_VS4RDS, 32, { given }), 'ESRCH');
      strictEqual(await ask(guest, without.fd, HYBRID_VTOA_SO_GET_VS, 24), 'ESRCH');
    },
  },
  {
    name: 'TOA_SO_GET_RECORD: lengths and errors',
    run: async (guest) => {
      guest.load();
      const listening = await guest.listen(4);
      const { fd } = await guest.join(listening, 4, { ack: toa(CLIENT4) });
      const whole = await ask(guest, fd, RECORD.name, 72);
      strictEqual(whole.length, 144);
      strictEqual(await ask(guest, fd, RECORD.name, 200), whole);
      strictEqual(await ask(guest, fd, RECORD.name, 8), whole.slice(0, 16));
      strictEqual(await ask(guest, fd, RECORD.name, 7), 'EINVAL');
      const plain = await guest.join(listening, 4);
      strictEqual(await ask(guest, plain.fd, RECORD.name, 72), 'ESRCH');
      strictEqual(await ask(guest, listening.listener, RECORD.name, 72), 'ENOTCONN');
      guest.module.unload();
      strictEqual(await ask(guest, fd, RECORD.name, 72), 'ENOPROTOOPT');
    },
  },
  {
    name: '/proc/net/toa_stats in the known layout, new rows after the old ones',
    run: async (guest) => {
      guest.load();
      const [heading, ...rows] = readFileSync('/proc/net/toa_stats', 'utf8').trimEnd().split('\n');
      strictEqual(heading, `${' '.repeat(34)}CPU0       CPU1       `);
      const known = [
        ...['syn_recv_sock_toa', 'syn_recv_sock_no_toa', 'getname_toa_ok', 'getname_toa_mismatch'],
        ...['getname_toa_bypass', 'getname_toa_empty', 'ip6_address_alloc', 'ip6_address_free'],
      ];
      deepStrictEqual(
        rows.slice(0, 8),
        known.map((name) => `${name.padEnd(25)}:         0          0 `),
      );
      for (const row of rows) match(`${row} `, /^[a-z0-9_]+ *:( *\d+ ){2}/);
      await guest.join(await guest.listen(4), 4, { ack: toa(CLIENT4) });
      await guest.join(await guest.listen(4), 4);
      const stats = guest.module.stats();
      deepStrictEqual([stats.syn_recv_sock_toa, stats.syn_recv_sock_no_toa], [1, 1]);
      ok(stats.getname_toa_ok! >= 2, 'accept and getpeername');
    },
  },
  {
    name: '/proc/net/toa_connections: a line for each live connection, for root',
    run: async (guest) => {
      guest.load({ formats: 'all' });
      strictEqual(statSync('/proc/net/toa_connections').mode & 0o777, 0o400);
      const [four, six] = [await guest.listen(4), await guest.listen(6)] as const;
      const one = await guest.join(four, 4, { ack: toa(CLIENT4) });
      const two = await guest.join(six, 6, { ack: toa(CLIENT6) });
      const three = await guest.join(four, 4, { ack: vtoa4 });
      const local4 = `${SERVER[4]}:${four.port}`;
      deepStrictEqual(
        guest.module.connections().sort(),
        [
          `${CLIENT4} ${one.client.name} ${local4} - - 254/8 ack`,
          `${CLIENT6} ${two.client.name} ${SERVER[6]}:${six.port} - - 254/20 ack`,
          `${CLIENT4} ${three.client.name} ${local4} 198.51.100.10:443 ${0x01020304} 252/20 ack`,
        ].sort(),
      );
      await guest.witness.ask('close', one.fd);
      one.client.destroy();
      await until('one line less', () => guest.module.connections().length === 2);
    },
  },
];
