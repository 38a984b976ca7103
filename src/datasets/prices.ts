import { NamedError } from '../errors.ts';
import type { BarSourceName } from '../records/bar.ts';
import type { Call } from '../stores.ts';
import { flatFiles, openFileSource, VENDOR_BUCKET } from '../vendors/flat-files.ts';
import { polygonOf } from '../vendors/polygon.ts';

/** Where a session's bars come from: the vendor's grouped call, or its flat files. */
export function barSource(source: 'api' | 'flat-files', call: Pick<Call, 'config' | 'secrets' | 'signal'>): BarSource {
  if (source === 'api') {
    const vendor = polygonOf(call.config, call.secrets.polygon);
    const includeOtc = call.config.POLYGON_MARKETS.includes('otc');
    return { name: 'polygon', session: (date) => vendor.grouped(date, { includeOtc, signal: call.signal }) };
  }
  const { FLAT_FILES_URI: named, FLAT_FILES_ENDPOINT: endpoint } = call.config;
  const place = named ?? (call.secrets.flatFiles && VENDOR_BUCKET);
  if (!place) {
    throw new NamedError('Config.Invalid', {
      what: 'no flat files are named',
      wanted: 'a folder with YYYY/MM/YYYY-MM-DD.csv.gz, or s3://flatfiles',
      todo: 'Give --flat-files.',
    });
  }
  const files = flatFiles(openFileSource(place, endpoint, call.secrets.flatFiles));
  return {
    name: 'flat-files',
    session: async (date) => {
      const { found, rows } = await files.session(date);
      if (!found) throw noFile(date, place);
      return { rows, practice: false, waitSeconds: 0 };
    },
  };
}

function noFile(date: string, place: string): NamedError {
  const [year, month] = date.split('-');
  return new NamedError('Data.Invalid', {
    what: `there is no flat file of ${date} in ${place}`,
    wanted: `${year}/${month}/${date}.csv.gz`,
    todo: `Put it there and give the same command again, or fetch the session from the API: npx afterbell backfill --from ${date} --to ${date}`,
  });
}

/** Where a session's rows come from; a vendor, a practice market, a folder of flat files. */
export interface BarSource {
  /** The bars' `source` column for real data; practice answers are marked `practice`. */
  name: BarSourceName;
  session(date: string): Promise<{ rows: unknown[]; practice: boolean; waitSeconds: number }>;
}
