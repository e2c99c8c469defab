import { readLoaded } from '../../module/loaded.js';
import { type Check, failure, ok, unknown, warning } from '../check.js';

/**
 * A SYN that was answered with a cookie is not kept: there is no saved SYN, and what only the SYN said is lost to the module
 * too. TcpExt of /proc/net/netstat counts cookies since the network namespace began.
 */
export const synCookies: Check = {
  name: 'SYN cookies',
  run: ({ system }) => {
    const setting = system.read('/proc/sys/net/ipv4/tcp_syncookies');
    const sent = counter(system.read('/proc/net/netstat') ?? '', 'SyncookiesSent');
    if (setting === undefined || sent === undefined)
      return unknown(
        'the kernel does not tell its setting and counters',
        'look with nstat -az SyncookiesSent',
      );
    if (setting === '2') {
      const text = 'tcp_syncookies is 2: every connection begins with a cookie, and has no saved SYN';
      const remedy = 'sudo sysctl -w net.ipv4.tcp_syncookies=1';
      return readLoaded(system).ours === undefined ? failure(text, remedy) : warning(text, remedy);
    }
    if (sent === 0) return ok('none was sent');
    return warning(
      `${sent.toLocaleString('en-US')} were sent: connections of those moments have no saved SYN`,
      'make backlogs longer: listen(), net.core.somaxconn, net.ipv4.tcp_max_syn_backlog',
    );
  },
};

/** A counter of TcpExt: a line of names, and one of numbers. */
export function counter(netstat: string, name: string): number | undefined {
  const [names, numbers] = [...netstat.matchAll(/^TcpExt: (.*)$/gm)].map(([, words]) => words!.split(' '));
  const value = numbers?.[names?.indexOf(name) ?? -1];
  return value === undefined ? undefined : Number(value);
}
