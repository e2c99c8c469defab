import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseWrk } from '../../bench/support/wrk.js';

const report = (errors = '') => `Running 3s test @ http://10.81.0.100/
  1 threads and 1 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency    84.59us   69.69us   2.21ms   92.25%
    Req/Sec    12.59k     1.78k   21.47k    93.55%
  Latency Distribution
     50%   79.00us
     75%   86.00us
     90%   95.00us
     99%    1.33ms
  38788 requests in 3.10s, 2.59MB read
${errors}Requests/sec:  12511.39
Transfer/sec:    855.27KB
`;

test('a report of wrk is read, latencies in microseconds', () => {
  assert.deepEqual(parseWrk(report()), { requestsPerSecond: 12511.39, p50: 79, p99: 1330 });
  const slow = report().replace('1.33ms', '1.33s ');
  assert.equal(parseWrk(slow).p99, 1_330_000);
});

test('a report with socket errors or refused requests is not taken for a figure', () => {
  const socketErrors = '  Socket errors: connect 0, read 3, write 0, timeout 0\n';
  assert.throws(() => parseWrk(report(socketErrors)), /Socket errors: connect 0, read 3/);
  assert.throws(() => parseWrk(report('  Non-2xx or 3xx responses: 7\n')), /Non-2xx or 3xx responses: 7/);
});

test('nothing answered, or no report at all, is an error', () => {
  assert.throws(() => parseWrk(report().replace('12511.39', '0.00')), /measured nothing/);
  assert.throws(
    () => parseWrk('unable to connect to 10.81.0.100:http Connection refused'),
    /measured nothing/,
  );
});
