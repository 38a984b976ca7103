import { AwsFault } from './fault.ts';
import { pgType } from './sql-types.ts';

export interface ReturnTypes {
  decimalReturnType?: 'STRING' | 'DOUBLE_OR_LONG' | undefined;
  longReturnType?: 'LONG' | 'STRING' | undefined;
}

/** One value as JSON text. `member` is the Field union's key; `plain` the value in formattedRecords. */
interface Encoded {
  member: string;
  json: string;
  plain: string;
}

/**
 * One value of a result as the `Field` union, as JSON text: `{"longValue":12}`. JSON is written by hand
 * because int8 goes beyond what a JavaScript number holds and AWS sends its digits as they are.
 */
export function fieldJson(oid: number, text: string | null, types: ReturnTypes): string {
  if (text === null) return '{"isNull":true}';
  const { member, json } = encode(oid, text, types);
  return `{"${member}":${json}}`;
}

/** One value as it stands in formattedRecords: numbers bare, decimals as strings unless asked otherwise. */
export function plainJson(oid: number, text: string | null, types: ReturnTypes): string {
  return text === null ? 'null' : encode(oid, text, types).plain;
}

function encode(oid: number, text: string, types: ReturnTypes): Encoded {
  const type = pgType(oid);
  switch (type.kind) {
    case 'boolean':
      return same('booleanValue', text === 't' ? 'true' : 'false');
    case 'long':
      return types.longReturnType === 'STRING' ? string(text) : same('longValue', text);
    case 'double':
      return number(text);
    case 'decimal':
      if (types.decimalReturnType !== 'DOUBLE_OR_LONG') return string(text);
      return /^-?\d+$/.test(text) ? same('longValue', text) : number(text);
    case 'instant':
      if (text.includes('infinity')) throw unsupported(`an infinite ${type.name}; cast it to text`);
      // The Data API gives a timestamptz as a UTC wall clock without its offset.
      return string(text.replace(/\+00$/, ''));
    case 'blob':
      return same('blobValue', JSON.stringify(Buffer.from(text.slice(2), 'hex').toString('base64')));
    case 'array':
      return array(type.element ?? 25, text, types);
    case 'refused':
      throw unsupported(`the unsupported data type ${type.name}; cast it to text`);
    default:
      return string(text);
  }
}

function string(text: string): Encoded {
  return same('stringValue', JSON.stringify(text));
}

function same(member: string, json: string): Encoded {
  return { member, json, plain: json };
}

/** JSON has no NaN; the SDKs read these three as strings. */
function number(text: string): Encoded {
  const value = Number(text);
  return same('doubleValue', JSON.stringify(Number.isFinite(value) ? value : text));
}

function array(elementOid: number, text: string, types: ReturnTypes): Encoded {
  const elements = arrayElements(text).map((element) => (element === null ? null : encode(elementOid, element, types)));
  const member = elements.find((element) => element !== null)?.member ?? 'stringValue';
  const plain = `[${elements.map((element) => element?.json ?? 'null').join(',')}]`;
  return { member: 'arrayValue', json: `{"${member}s":${plain}}`, plain };
}

/** Elements of a one-dimensional array in PostgreSQL's text form: `{1,NULL,"a,b"}`. */
export function arrayElements(text: string): (string | null)[] {
  if (!text.startsWith('{') || text.startsWith('{{')) throw unsupported('a multidimensional array');
  const elements: (string | null)[] = [];
  for (const [, quoted, bare] of text.slice(1, -1).matchAll(/"((?:[^"\\]|\\.)*)"|([^,]+)/gs)) {
    if (quoted !== undefined) elements.push(quoted.replaceAll(/\\(.)/gs, '$1'));
    else elements.push(bare === 'NULL' ? null : (bare ?? ''));
  }
  return elements;
}

function unsupported(what: string): AwsFault {
  return new AwsFault('UnsupportedResultException', `The result contains ${what}`);
}
