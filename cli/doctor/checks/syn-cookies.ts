import { readLoaded } from '../../module/loaded.js';
import { type Check, failure, ok, unknown, warning } from '../check.js';
import { tcpCounter } from '../tcp-counters.js';

/**
 * A SYN that was answered with a cookie is not kept: there is no saved SYN, and what only the SYN said is lost to the module
 * too.
 */
export const synCookies: Check = {
  name: 'SYN cookies',
  run: ({ system }) => {
    const setting = system.read('/proc/sys/net/ipv4/tcp_syncookies');
    const sent = tcpCounter(system, 'SyncookiesSent');
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
