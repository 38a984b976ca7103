/**
 * What an AWS service answers instead of a result. `name` is the exception name the SDK client raises
 * (`DatabaseErrorException`, `ResourceNotFoundException`), `status` the HTTP status it travels with.
 */
export class AwsFault extends Error {
  override readonly name: string;
  readonly status: number;

  constructor(name: string, message: string, status = 400) {
    super(message);
    this.name = name;
    this.status = status;
  }
}
