import { NamedError } from '../errors.ts';
import { type Answer, vendorText } from './answers.ts';
import { commonVerdict, type VendorWords } from './verdicts.ts';

const words: VendorWords = {
  vendor: 'iShares',
  baseUrlVariable: 'INDEX_MEMBERS_URI',
  pacingTodo: 'The file is fetched once a night; see who else asks from here.',
};

/** Reads an answer of a host that serves holdings files. There is no key: 401 and 403 are a host that serves no programs. */
export function judgeIshares(answer: Answer): NamedError | undefined {
  if (answer.status !== 401 && answer.status !== 403) return commonVerdict(answer, words);
  return new NamedError('Vendor.AuthFailed', {
    what: 'The host of INDEX_MEMBERS_URI refused the file',
    found: `status ${answer.status}: ${vendorText(answer)}`,
    wanted: 'a host that serves programs',
    todo: 'Save the file yourself and set INDEX_MEMBERS_URI to its path or its s3:// address.',
  });
}
