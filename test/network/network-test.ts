import { type TestContext, test } from 'node:test';
import { enterNamespaces } from '../../cli/namespaces/enter.js';
import { Network } from '../../cli/namespaces/network.js';
import { namespaceSupport } from '../../cli/namespaces/support.js';
import { requireNamespaces } from '../support/require.js';

// On import, so that everything in a test file runs where namespaces can be built.
if (namespaceSupport().supported) await enterNamespaces();

/** A test with a network of its own, which is taken down behind it. Skipped, with the reason, where that cannot be. */
export function networkTest(name: string, run: (network: Network, t: TestContext) => unknown): void {
  test(name, async (t) => {
    if (!requireNamespaces(t)) return;
    using network = new Network();
    await run(network, t);
  });
}
