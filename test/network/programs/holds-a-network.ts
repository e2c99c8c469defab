// Builds a network with one namespace and one process, says so, and holds on to it until a signal comes.

import { Network } from '../../../cli/namespaces/network.js';

const namespace = new Network().namespace('held');
const sleeper = namespace.start('sleep', ['1000']);
console.log(namespace.name);
console.log(`sleeper ${sleeper.child.pid}`);
setInterval(() => {}, 1000);
