/** What else the kernel does with sockets, on connections that came with an option. */
import { deepStrictEqual, match, ok, strictEqual } from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { type Case, freshPort, type Guest } from '../guest/guest.js';
import { compiled } from '../guest/programs.js';
import { SERVER } from '../guest/wire.js';
import { CLIENT4, CLIENT6, IPPROTO_TCP, recordOf, toa } from './toa.js';

const TCP_ULP = 31;
const SOL_TLS = 282;
const TLS_TX = 1;
const TLS_RX = 2;

/** struct tls12_crypto_info_aes_gcm_128: TLS 1.2, AES-GCM-128, and zeros for keys. */
const cryptoInfo = Uint8Array.from([0x03, 0x03, 51, 0, ...Array<number>(36).fill(0)]);

/** Debian builds its 5.10 without CONFIG_TLS and without CONFIG_MPTCP. */
export const sinceDebian12 = ({ kernel }: Guest) =>
  kernel < 6001 ? 'Debian builds this kernel without it' : undefined;

export const neighborCases: readonly Case[] = [
  {
    name: 'kTLS on a connection with an option: sent, received, unloaded, asked for its name',
    unless: sinceDebian12,
    run: async (guest) => {
      guest.load();
      const { fd, client } = await guest.join(await guest.listen(4), 4, { ack: toa(CLIENT4) });
      await guest.witness.setOption(fd, IPPROTO_TCP, TCP_ULP, Buffer.from('tls'));
      for (const direction of [TLS_TX, TLS_RX])
        await guest.witness.setOption(fd, SOL_TLS, direction, cryptoInfo);
      strictEqual(await guest.witness.peer(fd), CLIENT4);
      await guest.witness.ask('write', fd, 'a secret');
      client.write(Buffer.concat([Uint8Array.of(23, 3, 3, 0, 40), new Uint8Array(40)]));
      await guest.witness.ask('read', fd, 100).then(
        () => ok(false, 'a record that nobody encrypted was accepted'),
        (error: Error) => match(error.message, /EBADMSG|EIO/),
      );
      strictEqual(await guest.witness.peer(fd), CLIENT4);
      ok(typeof (await recordOf(guest, fd)) === 'object');
      guest.module.unload();
      strictEqual(await guest.witness.peer(fd), client.name);
      await guest.witness.ask('close', fd);
    },
  },
  {
    name: 'kTLS on an IPv6 connection, unloaded before it ends',
    unless: sinceDebian12,
    run: async (guest) => {
      guest.load();
      const { fd, client } = await guest.join(await guest.listen(6), 6, { ack: toa(CLIENT6) });
      await guest.witness.setOption(fd, IPPROTO_TCP, TCP_ULP, Buffer.from('tls'));
      await guest.witness.setOption(fd, SOL_TLS, TLS_TX, cryptoInfo);
      await guest.witness.ask('write', fd, 'a secret');
      strictEqual(await guest.witness.peer(fd), CLIENT6);
      guest.module.unload();
      strictEqual(await guest.witness.peer(fd), client.name);
      await guest.witness.ask('write', fd, 'another secret');
    },
  },
  {
    name: 'sockmap takes connections with an option, and they keep their client',
    run: async (guest) => {
      guest.load();
      const listening = await guest.listen(4);
      const one = await guest.join(listening, 4, { ack: toa(CLIENT4) });
      const two = await guest.join(listening, 4, { ack: toa(CLIENT4) });
      await guest.witness.ask('sockmap', [one.fd, two.fd]);
      strictEqual(await guest.witness.peer(one.fd), CLIENT4);
      one.client.write('hello');
      strictEqual(await guest.witness.ask('read', one.fd, 10), 'hello');
      await guest.witness.ask('write', one.fd, 'hello');
      guest.module.unload();
      strictEqual(await guest.witness.peer(one.fd), one.client.name);
    },
  },
  {
    name: 'MPTCP listener: a plain client that falls back to TCP',
    unless: sinceDebian12,
    run: async (guest) => {
      guest.load();
      const four = await guest.join(await guest.listen(4, { mptcp: true }), 4, { ack: toa(CLIENT4) });
      deepStrictEqual([four.accepted, four.peer], [CLIENT4, CLIENT4]);
      const six = await guest.join(await guest.listen(6, { mptcp: true }), 6, { ack: toa(CLIENT6) });
      deepStrictEqual([six.accepted, six.peer], [CLIENT6, CLIENT6]);
    },
  },
  {
    name: 'io_uring accept shows the client',
    run: async (guest) => {
      guest.load();
      const port = freshPort();
      const running = await guest.program([compiled('uring-accept'), `${port}`], /^listening/);
      await guest.connect(`${SERVER[4]}:${port}`, { ack: toa(CLIENT4) });
      match(await running.line(/^accepted/), /203\.0\.113\.7:51514/);
    },
  },
  {
    name: 'more threads wait in getpeername than a probe has places for, and a connection with an option beside them shows its client',
    run: async (guest) => {
      guest.load();
      const { waiting, result, first } = await threadsAsk(guest, 200, { option: false });
      strictEqual(waiting, waitsForLocks(guest) ? 200 : 0);
      strictEqual(result, `200 of 200 threads ${first}, beside them ${BESIDE}`);
    },
  },
  {
    name: 'a connection with an option shows its client to 200 threads at once, and nobody waits for its lock',
    run: async (guest) => {
      guest.load();
      const { waiting, result } = await threadsAsk(guest, 200, { option: true });
      strictEqual(waiting, 0);
      strictEqual(result, `200 of 200 threads ${CLIENT4}, beside them ${BESIDE}`);
    },
  },
  {
    name: 'it unloads while threads wait in getpeername, and they wake up unharmed',
    run: async (guest) => {
      guest.load();
      const unload = () => promisify(execFile)('rmmod', ['toa']);
      const { result, first } = await threadsAsk(guest, 20, { option: false, meanwhile: unload });
      strictEqual(result, `20 of 20 threads ${first}, beside them ${BESIDE}`);
      ok(!guest.module.loaded);
    },
  },
];

const BESIDE = '203.0.113.8:888';

/** Debian's 5.10 reads the name without the socket's lock. */
const waitsForLocks = ({ kernel }: Guest) => kernel >= 6001;

/**
 * Threads ask for the name of a connection whose socket is locked, which came with an option or without; `meanwhile` is done before the
 * lock is given back. Answers how many waited for it, and what the program (programs/waiting.c) has seen.
 */
async function threadsAsk(
  guest: Guest,
  threads: number,
  { option, meanwhile }: { option: boolean; meanwhile?: () => Promise<unknown> },
): Promise<{ waiting: number; result: string; first: string }> {
  const port = freshPort();
  const slowly = meanwhile ? ['slowly'] : [];
  const running = await guest.program(
    [compiled('waiting'), `${port}`, `${threads}`, ...slowly],
    /^listening/,
  );
  const first = await guest.connect(`${SERVER[4]}:${port}`, option ? { ack: toa(CLIENT4) } : {});
  await guest.connect(`${SERVER[4]}:${port}`, { ack: toa(BESIDE) });
  const waiting = await running.line(/^waiting: \d+/);
  await meanwhile?.();
  const result = await running.line(/^result: /);
  return {
    waiting: Number(waiting.slice('waiting: '.length)),
    result: result.slice('result: '.length),
    first: first.name,
  };
}
