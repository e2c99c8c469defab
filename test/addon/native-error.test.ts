import assert from 'node:assert/strict';
import { constants } from 'node:os';
import { test } from 'node:test';
import { ToaError } from '../../lib/errors.js';
import { nativeError } from '../../lib/native-error.js';

const { errno } = constants;

for (const [number, code] of [
  [errno.EPERM, 'ERR_TOA_PERMISSION'],
  [errno.EACCES, 'ERR_TOA_PERMISSION'],
  [errno.ENODEV, 'ERR_TOA_NO_INTERFACE'],
  [errno.ENXIO, 'ERR_TOA_NO_INTERFACE'],
  [errno.ENETDOWN, 'ERR_TOA_INTERFACE_DOWN'],
  [errno.ENOPROTOOPT, 'ERR_TOA_NOT_SUPPORTED'],
] as const) {
  test(`errno ${number} becomes ${code}, with a hint`, () => {
    const error = nativeError('open a packet socket on eth0', -number);
    assert.ok(error instanceof ToaError);
    assert.equal(error.code, code);
    assert.match(error.message, /^cannot open a packet socket on eth0: E[A-Z]+ \(.+\)$/);
    assert.ok(error.hint);
  });
}

test('any other errno becomes ERR_TOA_SYSTEM and is named', () => {
  const error = nativeError('close file descriptor 7', -errno.EBADF);
  assert.equal(error.code, 'ERR_TOA_SYSTEM');
  assert.equal(error.message, 'cannot close file descriptor 7: EBADF');
  assert.equal(error.hint, undefined);
});
