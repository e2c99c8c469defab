import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type NativeSupport, native, nativeSupport } from '../../lib/native.js';

const library = fileURLToPath(new URL('../../lib/native.js', import.meta.url));

/** What another process says of the addon, after it has run something else. */
function supportOf(options: string[], before = ''): NativeSupport {
  const source = `${before}
    const { native, nativeSupport } = await import('${library}');
    const support = nativeSupport();
    if (support.supported !== (native() !== undefined)) throw new Error('native() and nativeSupport() differ');
    console.log(JSON.stringify(support));`;
  const command = [...options, '--input-type=module', '--eval', source];
  return JSON.parse(execFileSync(process.execPath, command, { encoding: 'utf8' }));
}

test('in a checkout the addon loads, and always the same one', () => {
  assert.deepEqual(nativeSupport(), { supported: true });
  assert.equal(native(), native());
  assert.deepEqual(supportOf([]), { supported: true });
});

test('with --no-addons there is no addon, and the reason is told', () => {
  assert.deepEqual(supportOf(['--no-addons']), {
    supported: false,
    reason: 'this Node process may not load addons',
    hint: 'drop --no-addons, or give --allow-addons beside --permission',
  });
});

test('on another system there is no addon, and the reason is told', () => {
  assert.deepEqual(supportOf([], `Object.defineProperty(process, 'platform', { value: 'darwin' });`), {
    supported: false,
    reason: 'toakit works on Linux, this is darwin',
    hint: 'run the server on Linux',
  });
});
