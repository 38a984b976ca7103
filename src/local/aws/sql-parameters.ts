import * as z from 'zod';
import { AwsFault } from './fault.ts';
import { parseSql } from './sql-text.ts';

const Value = z.strictObject({
  isNull: z.boolean().optional(),
  stringValue: z.string().optional(),
  longValue: z.number().int().optional(),
  doubleValue: z.union([z.number(), z.enum(['NaN', 'Infinity', '-Infinity'])]).optional(),
  booleanValue: z.boolean().optional(),
  blobValue: z.string().optional(),
  arrayValue: z.unknown().optional(),
});

export const SqlParameter = z.strictObject({
  name: z.string(),
  value: Value.optional(),
  typeHint: z.enum(['JSON', 'UUID', 'TIMESTAMP', 'DATE', 'TIME', 'DECIMAL']).optional(),
});
export type SqlParameter = z.infer<typeof SqlParameter>;

const HINTED = { JSON: 'jsonb', UUID: 'uuid', TIMESTAMP: 'timestamp', DATE: 'date', TIME: 'time', DECIMAL: 'numeric' };
const HINT_FORMATS = {
  DATE: /^\d{4}-\d\d-\d\d$/,
  TIME: /^\d\d:\d\d:\d\d(\.\d{1,6})?$/,
  TIMESTAMP: /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,6})?$/,
};

interface Bound {
  /** PostgreSQL type the value is sent as; undefined for an untyped NULL. */
  type: string | undefined;
  value: string | null;
}

/**
 * Turns a statement with named parameters into one with `$n` and text values. Every value carries its type
 * as a cast, because the Data API sends typed values: a stringValue without typeHint is `text`, and comparing
 * it with a date fails there, so it has to fail here.
 * @throws AwsFault ValidationException for more than one statement, BadRequestException for a bad parameter
 */
export function bindSql(
  sql: string,
  parameters: SqlParameter[],
): { text: string; values: (string | null)[]; keyword: string } {
  const { pieces, names, statements, keyword } = parseSql(sql);
  if (statements > 1) throw new AwsFault('ValidationException', "Multistatements aren't supported");
  if (statements === 0) throw new AwsFault('ValidationException', 'sql: the statement is empty');
  const given = new Map<string, Bound>();
  for (const parameter of parameters) {
    if (given.has(parameter.name)) throw badParameter(`Parameter ${parameter.name} is given twice`);
    given.set(parameter.name, bound(parameter));
  }
  const positions = new Map<string, number>();
  const values: (string | null)[] = [];
  let text = pieces[0] ?? '';
  names.forEach((name, index) => {
    const parameter = given.get(name);
    if (!parameter) throw badParameter(`Cannot find parameter: ${name}`);
    const position = positions.get(name) ?? values.push(parameter.value);
    positions.set(name, position);
    text += parameter.type === undefined ? `$${position}` : `($${position}::${parameter.type})`;
    text += pieces[index + 1] ?? '';
  });
  return { text, values, keyword };
}

function bound({ name, value, typeHint }: SqlParameter): Bound {
  const entries = Object.entries(value ?? {});
  const [kind, content] = entries[0] ?? [];
  if (entries.length !== 1 || kind === undefined) throw badParameter(`Parameter ${name} needs exactly one value`);
  if (kind === 'arrayValue') throw badParameter(`Parameter ${name}: Array parameters are not supported.`);
  if (kind === 'isNull') {
    if (content !== true) throw badParameter(`Parameter ${name}: isNull must be true`);
    return { type: typeHint && HINTED[typeHint], value: null };
  }
  if (typeHint && kind !== 'stringValue') throw badParameter(`Parameter ${name}: typeHint goes with a stringValue`);
  if (kind === 'stringValue')
    return { type: typeHint ? HINTED[typeHint] : 'text', value: hinted(name, String(content), typeHint) };
  if (kind === 'blobValue')
    return { type: 'bytea', value: `\\x${Buffer.from(String(content), 'base64').toString('hex')}` };
  const type = { longValue: 'int8', doubleValue: 'float8', booleanValue: 'bool' }[kind];
  return { type, value: String(content) };
}

function hinted(name: string, text: string, typeHint: SqlParameter['typeHint']): string {
  const format = HINT_FORMATS[typeHint as keyof typeof HINT_FORMATS];
  if (format && !format.test(text)) {
    const wanted = { DATE: 'YYYY-MM-DD', TIME: 'HH:MM:SS[.FFF]', TIMESTAMP: 'YYYY-MM-DD HH:MM:SS[.FFF]' };
    throw badParameter(
      `Parameter ${name}: ${typeHint} wants ${wanted[typeHint as keyof typeof wanted]}, found ${text}`,
    );
  }
  return text;
}

function badParameter(message: string): AwsFault {
  return new AwsFault('BadRequestException', message);
}
