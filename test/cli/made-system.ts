import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';

/**
 * The root folder of a made-up system with these files, until the test has ended.
 * @param recorded a folder with files of a real system, to begin with
 */
export function madeSystem(t: TestContext, files: Record<string, string>, recorded?: string): string {
  const root = mkdtempSync(join(tmpdir(), 'toa-system-'));
  t.after(() => rmSync(root, { recursive: true }));
  if (recorded !== undefined) cpSync(recorded, root, { recursive: true });
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(root, dirname(path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return root;
}
