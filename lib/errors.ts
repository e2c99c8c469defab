/** The stable name of an error: it does not change between versions, the message may. */
export type ToaErrorCode = `ERR_TOA_${string}`;

/** Every error that toakit throws on purpose. `code` is stable; `hint`, where there is one, is what to do next. */
export class ToaError extends Error {
  override readonly name = 'ToaError';
  readonly code: ToaErrorCode;
  readonly hint: string | undefined;

  constructor(code: ToaErrorCode, message: string, options: { cause?: unknown; hint?: string } = {}) {
    super(
      options.hint === undefined ? message : `${message} (${options.hint})`,
      options.cause === undefined ? undefined : { cause: options.cause },
    );
    this.code = code;
    this.hint = options.hint;
  }
}
