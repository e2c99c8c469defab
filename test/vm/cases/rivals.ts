/** Others that want what the module wants: another one of its kind, tracers, a kernel that was told not to be hooked. */
import { deepStrictEqual, doesNotMatch, match, ok, strictEqual, throws } from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { runShell } from '../../support/run-shell.js';
import type { Case, Guest } from '../guest/guest.js';
import { KernelLog } from '../guest/kernel-log.js';
import { builtModule } from '../guest/programs.js';
import { CLIENT4, CLIENT6, IPPROTO_IP, RECORD, toa } from './toa.js';

/** Loads the module that stands for another of this kind, until the case has ended. */
export function loadRival(guest: Guest, parameter: string): void {
  const { status, stderr } = spawnSync('insmod', [builtModule('rival_toa'), parameter], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`insmod rival_toa.ko ${parameter}: ${stderr}`);
  guest.afterwards(() => existsSync('/sys/module/rival_toa') && runShell('rmmod rival_toa'));
}

const FTRACE_ENABLED = '/proc/sys/kernel/ftrace_enabled';

const OPTIONS = [4096, 4097, 1345, 1346, 1347, RECORD.name];

/** Loading must fail with EBUSY, say why in the kernel's log, and leave nothing: no socket option but that of the other one. */
async function expectRefusal(guest: Guest, words: RegExp, theirs?: number): Promise<void> {
  const log = new KernelLog();
  throws(() => guest.load(), /Device or resource busy/);
  match(log.fresh().join('\n'), words);
  ok(!guest.module.loaded);
  for (const path of ['/proc/sys/net/toa', '/proc/net/toa_stats', '/proc/net/toa_connections'])
    ok(!existsSync(path), path);
  const { fd, client, peer } = await guest.join(await guest.listen(4), 4, { ack: toa(CLIENT4) });
  strictEqual(peer, client.name);
  for (const option of OPTIONS) {
    const answer = await guest.witness.option(fd, IPPROTO_IP, option, 72);
    strictEqual(answer, option === theirs ? 'EADDRINUSE' : 'ENOPROTOOPT', `option ${option}`);
  }
}

async function expectClients(guest: Guest): Promise<void> {
  const four = await guest.join(await guest.listen(4), 4, { ack: toa(CLIENT4) });
  const six = await guest.join(await guest.listen(6), 6, { ack: toa(CLIENT6) });
  deepStrictEqual([four.accepted, four.peer], [CLIENT4, CLIENT4]);
  deepStrictEqual([six.accepted, six.peer], [CLIENT6, CLIENT6]);
}

/** Some kernels do not take 0 for kernel.ftrace_enabled any more. */
function withoutSwitch(): string | undefined {
  try {
    writeFileSync(FTRACE_ENABLED, '0');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOTSUP')
      return 'the functions of this kernel may always be hooked';
    throw error;
  }
  writeFileSync(FTRACE_ENABLED, '1');
  return undefined;
}

export const rivalCases: readonly Case[] = [
  {
    name: 'a socket option that another module has keeps ours out: EBUSY, it is said which, and nothing is left',
    run: async (guest) => {
      for (const [option, first] of [
        [4097, 4096],
        [1346, 1345],
        [4100, 4100],
      ] as const) {
        loadRival(guest, `option=${option}`);
        const words = new RegExp(`toa: socket option ${first} is taken: another toa module`);
        await expectRefusal(guest, words, option);
        runShell('rmmod rival_toa');
      }
      guest.load();
      await expectClients(guest);
    },
  },
  {
    name: 'a function that another module has keeps ours out: EBUSY, it is said which, and nothing is left',
    run: async (guest) => {
      for (const name of ['inet_getname', 'inet6_getname']) {
        loadRival(guest, `function=${name}`);
        await expectRefusal(guest, new RegExp(`toa: .*\\b${name}\\b.*: cannot be hooked \\(-16\\)`));
        runShell('rmmod rival_toa');
      }
      guest.load();
      await expectClients(guest);
      throws(
        () => loadRival(guest, 'function=inet_getname'),
        /Device or resource busy/,
        'nor theirs beside ours',
      );
      await expectClients(guest);
    },
  },
  {
    name: 'a kernel whose functions may not be hooked is left alone, and one with our hooks keeps them',
    unless: withoutSwitch,
    run: async (guest) => {
      guest.sysctl('kernel/ftrace_enabled', 0);
      await expectRefusal(guest, /toa: inet_sock_destruct: cannot be hooked \(-16\)/);
      writeFileSync(FTRACE_ENABLED, '1');
      guest.load();
      throws(() => writeFileSync(FTRACE_ENABLED, '0'), { code: 'EBUSY' });
      await expectClients(guest);
    },
  },
  {
    name: 'tracers of the same functions take no call from us, whoever came first',
    run: async (guest) => {
      const tracing = '/sys/kernel/tracing';
      runShell(`mountpoint -q ${tracing} || mount -t tracefs tracefs ${tracing}`);
      const functions = ['inet_getname', 'inet6_getname', 'tcp_v4_syn_recv_sock', 'tcp_v6_syn_recv_sock'];
      const start = () => {
        writeFileSync(`${tracing}/set_ftrace_filter`, `${functions.join(' ')}\n`);
        writeFileSync(`${tracing}/current_tracer`, 'function');
      };
      const stop = () => {
        writeFileSync(`${tracing}/current_tracer`, 'nop');
        writeFileSync(`${tracing}/set_ftrace_filter`, '\n');
        writeFileSync(`${tracing}/trace`, '');
      };
      guest.afterwards(stop);
      for (const order of [
        [() => guest.load(), start],
        [start, () => guest.load()],
      ]) {
        for (const step of order) step();
        await expectClients(guest);
        const traced = runShell(`cat ${tracing}/trace`);
        for (const name of functions) match(traced, new RegExp(`: ${name} <-`), 'the tracer saw it too');
        stop();
        await expectClients(guest);
        guest.module.unload();
        doesNotMatch(runShell(`cat ${tracing}/enabled_functions`), /inet6?_getname|syn_recv_sock/);
      }
    },
  },
];
