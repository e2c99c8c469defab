/** Where a text stops being JSON, counted from 1, what is there, and what would have been right. */
export interface JsonFault {
  line: number;
  column: number;
  given: string;
  wanted: string;
}

const space = /[ \t\n\r]*/y;
// All but the quote, the backslash and the control characters below the space.
const string = /"(?:[ !#-[\]-\u{10ffff}]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/uy;
const scalar = /(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)(?![\w.+-])/y;

/** Walks a text by the grammar of RFC 8259 and stops where it cannot go on. JSON.parse() often does not say where that is. */
class Walk {
  readonly text: string;
  at = 0;
  wanted = '';

  constructor(text: string) {
    this.text = text;
  }

  /** Steps over a token; what was wanted in its place is noted where there is none. */
  step(token: RegExp | string, wanted: string): boolean {
    if (typeof token === 'string') {
      if (this.text.startsWith(token, this.at)) {
        this.at += token.length;
        return true;
      }
    } else {
      token.lastIndex = this.at;
      if (token.test(this.text)) {
        this.at = token.lastIndex;
        return true;
      }
    }
    this.wanted = wanted;
    return false;
  }

  skipSpace(): void {
    this.step(space, '');
  }

  value(): boolean {
    this.skipSpace();
    if (this.step('{', '')) return this.members('}', () => this.pair());
    if (this.step('[', '')) return this.members(']', () => this.value());
    return this.step(string, '') || this.step(scalar, 'a value');
  }

  pair(): boolean {
    this.skipSpace();
    if (!this.step(string, 'a name in double quotes')) return false;
    this.skipSpace();
    return this.step(':', '":"') && this.value();
  }

  members(close: string, member: () => boolean): boolean {
    this.skipSpace();
    if (this.step(close, '')) return true;
    for (;;) {
      if (!member()) return false;
      this.skipSpace();
      if (this.step(close, '')) return true;
      if (!this.step(',', `"," or "${close}"`)) return false;
    }
  }

  whole(): boolean {
    if (!this.value()) return false;
    this.skipSpace();
    this.wanted = 'the end of the file';
    return this.at === this.text.length;
  }
}

/** Finds the first fault of a text that is to be JSON; undefined if it is JSON. */
export function findJsonFault(text: string): JsonFault | undefined {
  const walk = new Walk(text);
  if (walk.whole()) return undefined;
  const before = text.slice(0, walk.at).split('\n');
  return {
    line: before.length,
    column: (before.at(-1) ?? '').length + 1,
    given: describe(text.slice(walk.at)),
    wanted: walk.wanted,
  };
}

/** The rest of the line, in short. */
function describe(rest: string): string {
  if (rest === '') return 'the end of the file';
  const line = rest.split(/\r?\n/, 1)[0] ?? '';
  if (line === '') return 'the end of the line';
  return JSON.stringify(line.length > 24 ? `${line.slice(0, 24)}…` : line);
}
