import type { Check } from '../check.js';
import { addon } from './addon.js';
import { addressFamily } from './address-family.js';
import { cgroup } from './cgroup.js';
import { deferred } from './deferred.js';
import { dkms } from './dkms.js';
import { kernel } from './kernel.js';
import { module } from './module.js';
import { mtu } from './mtu.js';
import { node } from './node.js';
import { offloads } from './offloads.js';
import { otherModules } from './other-modules.js';
import { permissions } from './permissions.js';
import { platform } from './platform.js';
import { signature } from './signature.js';
import { synCookies } from './syn-cookies.js';
import { trust } from './trust.js';

/** All checks, in the order in which they are told: the program, the kernel, the servers, the network. */
export const checks: readonly Check[] = [
  platform,
  node,
  addon,
  permissions,
  kernel,
  module,
  trust,
  otherModules,
  dkms,
  signature,
  synCookies,
  deferred,
  addressFamily,
  mtu,
  offloads,
  cgroup,
];
