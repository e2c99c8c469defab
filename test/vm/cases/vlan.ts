import { Network } from '../../../cli/namespaces/network.js';
import { balanceOnVlan } from '../../network/balance-on-vlan.js';
import type { Case } from '../guest/guest.js';

export const vlanCases: readonly Case[] = [
  {
    name: 'the balancer works on a VLAN sub-interface',
    patience: 200,
    unless: ({ kernel }) =>
      kernel === 6012 && process.arch === 'x64'
        ? undefined
        : 'one kernel stands for all: it is about our balancer',
    run: async () => {
      using network = new Network();
      await balanceOnVlan(network);
    },
  },
];
