/** What real servers that come, go, are quiesced or overloaded in the middle of a run do to the turns. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Scheduling } from '../../support/scheduling.js';

test('rr goes on behind the one chosen last when one is added or removed', () => {
  const rr = new Scheduling('rr', [1, 1, 1]);
  assert.equal(rr.picks(2), 'AB');
  assert.equal(rr.add(1).picks(3), 'CDA');
  assert.equal(rr.remove('C').picks(3), 'BDA');
  assert.equal(rr.remove('A').picks(3), 'BDB'); // its turn is the head's: B is first now
  assert.equal(rr.remove('B').remove('D').picks(2), '--');
  assert.equal(rr.add(1).picks(2), 'EE');
});

test('rr gives the turn of a removed one to whom it stood before', () => {
  const rr = new Scheduling('rr', [1, 1, 1, 1]);
  assert.equal(rr.picks(3), 'ABC');
  assert.equal(rr.remove('B').remove('C').picks(3), 'DAD');
});

test('rr passes over the quiesced and the overloaded for as long as they are', () => {
  const rr = new Scheduling('rr', [1, 1, 1]);
  assert.equal(rr.picks(1), 'A');
  assert.equal(rr.weigh('B', 0).picks(2), 'CA');
  assert.equal(rr.load('C', { overloaded: true }).picks(2), 'AA');
  assert.equal(rr.weigh('B', 7).picks(2), 'BA');
  assert.equal(rr.load('C', { overloaded: false }).picks(3), 'BCA');
});

test('wrr begins at the head of the list after a change, with the weight that it was asking for', () => {
  const wrr = new Scheduling('wrr', [4, 3, 2]);
  assert.equal(wrr.picks(4), 'AABA'); // in the pass for weight 2
  assert.equal(wrr.add(2).picks(4), 'ABCD');
  assert.equal(wrr.picks(4), 'ABCD');
  assert.equal(wrr.picks(3), 'AAB');
});

test('wrr begins anew when the weight that it was asking for is beyond the highest now', () => {
  const wrr = new Scheduling('wrr', [4, 3, 2]);
  assert.equal(wrr.picks(1), 'A');
  assert.equal(wrr.weigh('A', 1).picks(6), 'BBCABC');
});

test('wrr goes down to a weight that its new step can reach', () => {
  const wrr = new Scheduling('wrr', [6, 1]);
  assert.equal(wrr.picks(2), 'AA'); // asking for 5
  assert.equal(wrr.weigh('B', 4).picks(4), 'AABA'); // steps of 2: 5, 3, 1
  assert.equal(wrr.picks(1), 'B');
});

test('wrr of a list that grew one by one, as ipvsadm adds, begins with a pass for all of them', () => {
  const wrr = new Scheduling('wrr', []).add(4).add(3).add(2);
  assert.equal(wrr.picks(12), 'ABCAABABCABC');
  const other = new Scheduling('wrr', []).add(2).add(3).add(4);
  assert.equal(other.picks(12), 'ABCCBCABCABC');
});

test('wrr passes over the overloaded and keeps the pace of the others', () => {
  const wrr = new Scheduling('wrr', [4, 3, 2]);
  wrr.load('B', { overloaded: true });
  assert.equal(wrr.picks(12), 'AAACACAAACAC');
  assert.equal(wrr.load('B', { overloaded: false }).picks(9), 'AABABCABC');
});

test('wrr begins anew after it found all overloaded, but not where that was in the midst of the last pass', () => {
  const overload = (wrr: Scheduling, overloaded: boolean) =>
    wrr.load('A', { overloaded }).load('B', { overloaded });
  const interrupted = (picks: number) => {
    const wrr = new Scheduling('wrr', [2, 1]);
    assert.equal(wrr.picks(picks), 'AAB'.slice(0, picks));
    assert.equal(overload(wrr, true).picks(2), '--');
    return overload(wrr, false);
  };
  assert.equal(interrupted(1).picks(4), 'AABA');
  assert.equal(interrupted(2).picks(4), 'BAAB');
  assert.equal(interrupted(3).picks(4), 'AABA');
  // A change tells the difference: it begins with the weight that was asked for.
  assert.equal(interrupted(1).weigh('A', 2).picks(4), 'AABA');
  assert.equal(interrupted(2).weigh('A', 2).picks(4), 'ABAA');
  assert.equal(interrupted(3).weigh('A', 2).picks(4), 'ABAA');
});

test('wrr finds the only one left, however far its weight is from the others', () => {
  const wrr = new Scheduling('wrr', [65_535, 1, 65_534]);
  wrr.load('A', { overloaded: true }).load('C', { overloaded: true });
  assert.equal(wrr.picks(3), 'BBB');
  assert.equal(wrr.load('B', { overloaded: true }).picks(2), '--');
  assert.equal(wrr.load('A', { overloaded: false }).picks(2), 'AA');
});

for (const name of ['lc', 'wlc', 'sed', 'nq'] as const) {
  test(`${name} gives a new real server the next connections, until it has caught up`, () => {
    const scheduling = new Scheduling(name, [1, 1]);
    assert.equal(scheduling.holds(4), 'ABAB');
    assert.equal(scheduling.add(1).holds(5), 'CCABC');
  });

  test(`${name} leaves out the quiesced, the overloaded and the removed`, () => {
    const scheduling = new Scheduling(name, [1, 1, 1, 1]);
    assert.equal(scheduling.weigh('A', 0).holds(3), 'BCD');
    assert.equal(scheduling.load('B', { overloaded: true }).holds(2), 'CD');
    assert.equal(scheduling.remove('C').holds(2), 'DD');
    assert.equal(scheduling.weigh('A', 1).holds(2), 'AA');
    assert.equal(scheduling.weigh('A', 0).weigh('D', 0).holds(1), '-');
  });
}

test('fo fails over to the next weight when the highest is overloaded or quiesced, and back', () => {
  const fo = new Scheduling('fo', [1, 9, 5]);
  assert.equal(fo.picks(2), 'BB');
  assert.equal(fo.load('B', { overloaded: true }).picks(2), 'CC');
  assert.equal(fo.weigh('C', 0).picks(2), 'AA');
  assert.equal(fo.load('B', { overloaded: false }).picks(2), 'BB');
});

test('ovf flows back when connections end, and passes over an overloaded one', () => {
  const ovf = new Scheduling('ovf', [1, 3, 2]);
  assert.equal(ovf.holds(5), 'BBBBC');
  assert.equal(ovf.load('B', { active: 3 }).holds(2), 'BC');
  assert.equal(ovf.load('B', { active: 0, overloaded: true }).holds(3), 'CAA');
});
