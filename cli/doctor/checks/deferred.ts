import { type Check, ok, unknown, warning } from '../check.js';
import { list, listenersOf } from '../listeners.js';
import { socketsOf } from '../sockets.js';
import { tcpCounter } from '../tcp-counters.js';

const IPPROTO_TCP = 6;
const TCP_DEFER_ACCEPT = 9;

/**
 * Listeners with TCP_DEFER_ACCEPT (nginx `deferred`, Apache's AcceptFilter): the handshake's ACK makes no connection there, the
 * first data do. An option that is in the ACK alone is lost. No file and no netlink message tells of it: the sockets are asked. A
 * counter says at least whether such ACKs were dropped (net/ipv4/tcp_minisocks.c, tcp_check_req).
 */
export const deferred: Check = {
  name: 'deferred accept',
  run: (subject) => {
    const listeners = listenersOf(subject);
    if (listeners.length === 0) return ok('nothing listens');
    const sockets = socketsOf(subject.system);
    const answers = listeners.map((listener) => ({
      listener,
      seconds: sockets.option(listener.inode, IPPROTO_TCP, TCP_DEFER_ACCEPT),
    }));
    const those = answers.filter(({ seconds }) => seconds !== undefined && seconds > 0);
    if (those.length > 0) {
      return warning(
        `${list(those.map(({ listener }) => listener))}: an option that is in the bare ACK only is lost`,
        'have the balancer mark data too, or do not defer (nginx: listen without deferred)',
      );
    }
    const silent = answers.filter(({ seconds }) => seconds === undefined);
    if (silent.length === 0) return ok(`no listener of ${listeners.length}`);
    const dropped = tcpCounter(subject.system, 'TCPDeferAcceptDrop') ?? 0;
    if (dropped > 0) {
      return warning(
        `${dropped.toLocaleString('en-US')} bare ACKs were dropped by a listener that defers; which one is not to be seen`,
        'run toa doctor as root, outside of containers (Linux 5.6 and later)',
      );
    }
    return unknown(
      `cannot know for ${list(silent.map(({ listener }) => listener))}: their processes cannot be asked from here`,
      'run toa doctor as root, outside of containers (Linux 5.6 and later)',
    );
  },
};
