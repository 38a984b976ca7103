import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { NamedError } from '../errors.ts';

/** Text of a string, or a word as it stands there: `true`, `14`, `null`. */
export type Value = string | Value[] | { [name: string]: Value };
type Assigned = Readonly<Record<string, Value>>;

/** What may stand between two tokens, comments included. */
const GAP = /(?:\s|#[^\n]*|\/\/[^\n]*|\/\*[\s\S]*?\*\/)*/y;
const NAME = /[A-Za-z_][\w-]*/y;
const STRING = /"((?:[^"\\\n]|\\.)*)"/y;
const WORD = /[^\s,\]}"[{#]+/y;
const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' };

/**
 * Reads the `name = value` lines of a tfvars file: words, strings, lists and objects, with comments anywhere. No heredocs
 * and no sums; Terraform itself judges names and values.
 * @param place how a message names the file
 * @throws Config.Invalid with the line that cannot be read
 */
export function readTfvars(text: string, place: string): Assigned {
  let at = 0;
  const take = (token: RegExp): RegExpExecArray | undefined => {
    token.lastIndex = at;
    const found = token.exec(text) ?? undefined;
    at += found?.[0].length ?? 0;
    return found;
  };
  const takeMark = (mark: string): boolean => {
    take(GAP);
    if (!text.startsWith(mark, at)) return false;
    at += mark.length;
    return true;
  };
  const refuse = (wanted: string): NamedError => {
    const before = text.slice(0, at).split('\n');
    return new NamedError('Config.Invalid', {
      what: `${place} cannot be read`,
      found: `line ${before.length}: ${text.split('\n')[before.length - 1]!.trim() || 'the end of the file'}`,
      wanted,
    });
  };
  const takeString = (): string | undefined =>
    take(STRING)?.[1]?.replace(/\\(.)/g, (_, sign: string) => ESCAPES[sign] ?? sign);

  function takeValue(): Value {
    if (takeMark('[')) return takeList();
    if (takeMark('{')) return takeNames('}');
    if (text[at] === '"') {
      const string = takeString();
      if (string === undefined) throw refuse('a closing quotation mark on the same line');
      return string;
    }
    const word = take(WORD)?.[0];
    if (word === undefined || word.startsWith('<<')) throw refuse('a value after the equals sign');
    return word;
  }

  function takeList(): Value[] {
    const list: Value[] = [];
    while (!takeMark(']')) {
      list.push(takeValue());
      if (takeMark(',') || text[at] === ']') continue;
      throw refuse('a comma or a closing ]');
    }
    return list;
  }

  function takeNames(end: string): Record<string, Value> {
    const names: Record<string, Value> = {};
    for (;;) {
      if (end !== '' && takeMark(end)) return names;
      take(GAP);
      if (at >= text.length) {
        if (end !== '') throw refuse(`a closing ${end}`);
        return names;
      }
      const name = take(NAME)?.[0] ?? (end === '' ? undefined : takeString());
      if (name === undefined || !(takeMark('=') || (end !== '' && takeMark(':')))) throw refuse('name = value');
      if (name in names) throw refuse(`${name} once`);
      take(GAP);
      names[name] = takeValue();
      if (end !== '') takeMark(',');
    }
  }

  return takeNames('');
}

/** The region that a checkout deploys a stage to; undefined where the stage has no file there. */
export function stageRegion(root: string, stage: string): string | undefined {
  const place = `terraform/environments/${stage}.tfvars`;
  if (!/^[a-z0-9-]+$/.test(stage) || !existsSync(join(root, place))) return undefined;
  const { region } = readTfvars(readFileSync(join(root, place), 'utf8'), place);
  return typeof region === 'string' ? region : presetOf(root, 'region');
}

/** The default of a variable that is text. */
export function presetOf(root: string, name: string): string {
  const variables = readFileSync(join(root, 'terraform/variables.tf'), 'utf8');
  const block = variables.split(/^variable /m).find((part) => part.startsWith(`"${name}"`)) ?? '';
  return /default\s*=\s*"([^"]+)"/.exec(block)?.[1] ?? '';
}
