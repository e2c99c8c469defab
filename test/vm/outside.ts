/** Cases that run on this machine, in namespaces of it, and boot a guest to have it in them. */
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { namespaceSupport } from '../../cli/namespaces/support.js';
import { outsideCases } from './cases/index.js';
import { packInitramfs } from './guest/initramfs.js';
import type { GuestRoot } from './guest/root.js';
import type { Kernel } from './kernels/fetch.js';
import { type CaseResult, keepLog } from './suite.js';
import { TemporaryFolder } from './temporary-folder.js';

/** What a guest is booted from. */
export interface Bootable {
  readonly kernel: Kernel;
  readonly root: GuestRoot;
  readonly initramfs: string;
  /** The folder that the guest may write; its console goes to `console.log` in it. */
  readonly results: string;
}

export interface OutsideCase {
  /** A sentence of behavior. */
  readonly name: string;
  /** Why it is not for this kernel; undefined where it is. */
  readonly unless: (kernel: Kernel) => string | undefined;
  /** Bounds its time itself: nobody else does. */
  readonly run: (bootable: Bootable) => Promise<void>;
}

/** Runs those of `names` that are outside, one after another. */
export async function runOutside(
  kernel: Kernel,
  root: GuestRoot,
  names: readonly string[],
): Promise<Map<string, CaseResult>> {
  const results = new Map<string, CaseResult>();
  using folder = new TemporaryFolder('vm-outside');
  const initramfs = join(folder.path, 'initramfs');
  for (const one of outsideCases.filter(({ name }) => names.includes(name))) {
    const reason = one.unless(kernel) ?? withoutNamespaces();
    if (reason !== undefined) {
      results.set(one.name, { outcome: 'not applicable', detail: reason, ms: 0 });
      continue;
    }
    await packInitramfs(kernel, root, initramfs);
    const share = mkdtempSync(join(folder.path, 'guest-'));
    const started = Date.now();
    const detail = await one.run({ kernel, root, initramfs, results: share }).then(
      () => '',
      (error: Error) => error.message,
    );
    keepLog(kernel, share);
    results.set(one.name, { outcome: detail === '' ? 'pass' : 'fail', detail, ms: Date.now() - started });
  }
  return results;
}

/** Those of an unprivileged user are in a user namespace, which this program is not in. */
function withoutNamespaces(): string | undefined {
  const support = namespaceSupport();
  if (support.supported && support.where === 'here') return undefined;
  return 'it takes network namespaces, and so root';
}
