import { type Check, ok, warning } from '../check.js';
import { list, listenersOf } from '../listeners.js';

/** Listeners on AF_INET: accept() has no room for an IPv6 client there, who may come from a balancer that does NAT64. */
export const addressFamily: Check = {
  name: 'IPv6 clients',
  run: (subject) => {
    const listeners = listenersOf(subject);
    const narrow = listeners.filter(({ family }) => family === 4);
    if (narrow.length === 0)
      return ok(listeners.length === 0 ? 'nothing listens' : 'every listener can show them');
    return warning(
      `${list(narrow)}: an IPv4 socket cannot show an IPv6 client behind NAT64`,
      'listen on [::], which takes IPv4 too',
    );
  },
};
