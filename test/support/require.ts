import type { TestContext } from 'node:test';
import { namespaceSupport } from '../../cli/namespaces/support.js';

/**
 * Whether the test can have network namespaces. Where it cannot, it is skipped and says why; with TOA_REQUIRE=namespaces it
 * fails. To be used as `if (!requireNamespaces(t)) return;`.
 */
export function requireNamespaces(t: TestContext): boolean {
  const support = namespaceSupport();
  if (support.supported) return true;
  const reason = `network namespaces are not permitted: ${support.reason} (${support.hint})`;
  if (requirements().includes('namespaces')) throw new Error(`TOA_REQUIRE=namespaces, but ${reason}`);
  t.skip(reason);
  return false;
}

function requirements(): string[] {
  return (process.env.TOA_REQUIRE ?? '').split(',');
}
