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
  skipOrFail(t, 'namespaces', reason);
  return false;
}

/** Skips a test that cannot have what it needs, with the reason; fails it where TOA_REQUIRE names that need. */
export function skipOrFail(t: TestContext, need: string, reason: string): void {
  const required = (process.env.TOA_REQUIRE ?? '').split(',');
  if (required.includes(need)) throw new Error(`TOA_REQUIRE=${need}, but ${reason}`);
  t.skip(reason);
}
