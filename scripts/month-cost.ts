import { AWS_PRICES } from '../src/records/aws-prices.ts';

/** One line of docs/cost.md. */
export interface CostLine {
  what: string;
  quantity: number;
  unit: string;
  /** USD a unit. */
  price: number;
}

/** What a month is made of; docs/cost.md says where each figure comes from. */
const MONTH = { sessionNights: 21, listNights: 9, hours: 730 };
/** The size that was measured; jobs, lake and prices grow with the symbols. */
const MEASURED_SYMBOLS = 5400;
/** A night with a session, and one that brings lists only. */
const NIGHT = {
  session: { transitions: 150, gbSeconds: 62, calls: 33, otherWrites: 200, otherReads: 800, awakeHours: 0.75 },
  list: { transitions: 60, gbSeconds: 25, calls: 15, otherWrites: 100, otherReads: 200, awakeHours: 0.3 },
};
const JOBS = { count: 2, vcpu: 2, memoryGb: 4, startSeconds: 60, workSeconds: 60 };
const LAKE = { gb: 2.3, replacedGbNight: 0.48 };
const WAREHOUSE = { gb: 1.5, millionRequests: 0.5 };
/** Items of the tables, and of their indexes, that the first month writes. */
const TABLES = { items: 23_000, indexItems: 34_500, millionReads: 0.2, gb: 0.03, indexGb: 0.02 };
const OWN_METRICS = 80;

/** Pure: the lines of a month for so many symbols. */
export function monthOf(symbols: number): CostLine[] {
  const { usd } = AWS_PRICES;
  const scale = symbols / MEASURED_SYMBOLS;
  const { session, list } = NIGHT;
  const over = (name: keyof typeof session) => MONTH.sessionNights * session[name] + MONTH.listNights * list[name];
  const histories = MONTH.sessionNights * symbols;
  const jobHours = (MONTH.sessionNights * JOBS.count * (JOBS.startSeconds + JOBS.workSeconds * scale)) / 3600;
  const line = (what: string, quantity: number, unit: string, price: number): CostLine => ({
    what,
    quantity,
    unit,
    price,
  });
  return [
    line('Step Functions, transitions', over('transitions') / 1000, '1,000', usd.transition * 1000),
    line('Lambda arm64, night and portfolio run', over('gbSeconds'), 'GB s', usd.functionGbSecond),
    line('Lambda, requests', over('calls') / 1000, '1,000', usd.functionCall * 1000),
    line('Fargate arm64, 2 jobs of 2 vCPU', jobHours * JOBS.vcpu, 'vCPU h', usd.jobVcpuSecond * 3600),
    line('Fargate arm64, 4 GB each', jobHours * JOBS.memoryGb, 'GB h', usd.jobGbSecond * 3600),
    line('Public addresses of jobs', jobHours, 'h', usd.publicAddressSecond * 3600),
    line('S3, PUT and LIST', (histories + over('otherWrites')) / 1000, '1,000', usd.s3Write * 1000),
    line('S3, GET', (histories + over('otherReads')) / 1000, '1,000', usd.s3Read * 1000),
    line('S3, lake in force', LAKE.gb * scale, 'GB', usd.s3GbMonth),
    line(
      'S3, replaced versions, kept 30 days',
      LAKE.replacedGbNight * MONTH.sessionNights * scale,
      'GB',
      usd.s3GbMonth,
    ),
    line('Aurora, awake', over('awakeHours'), 'ACU h', usd.acuSecond * 3600),
    line('Aurora, storage', WAREHOUSE.gb * scale, 'GB', usd.auroraGbMonth),
    line('Aurora, I/O', WAREHOUSE.millionRequests * scale, 'million', usd.auroraRequest * 1e6),
    line('DynamoDB, writes of tables', TABLES.items / 1e6, 'million', usd.tableWrite * 1e6),
    line('DynamoDB, writes of the three indexes', TABLES.indexItems / 1e6, 'million', usd.tableWrite * 1e6),
    line('DynamoDB, reads', TABLES.millionReads, 'million', usd.tableRead * 1e6),
    line('DynamoDB, storage and PITR of tables', TABLES.gb, 'GB', usd.tableGbMonth),
    line('DynamoDB, storage and PITR of the three indexes', TABLES.indexGb, 'GB', usd.tableGbMonth),
    line('Secrets: two vendors, the warehouse’s owner and user', 4, 'secret', usd.secretMonth),
    line(
      'CloudWatch, own metrics',
      (OWN_METRICS * (MONTH.sessionNights + MONTH.listNights)) / MONTH.hours,
      'metric',
      usd.metricMonth,
    ),
    line('CloudWatch, a dashboard of more than 50 metrics', 1, 'dashboard', usd.dashboardMonth),
    line('CloudWatch, alarms', 5, 'alarm', usd.alarmMonth),
    line('CloudWatch, logs', 0.1, 'GB', usd.logGb),
    line('ECR, two images and what they replaced', 1.5, 'GB', usd.imageGbMonth),
  ];
}

export function totalOf(lines: readonly CostLine[]): number {
  return lines.reduce((sum, { quantity, price }) => sum + Math.round(quantity * price * 100) / 100, 0);
}

/** A line as docs/cost.md has it. */
export function rowOf({ what, quantity, unit, price }: CostLine): string {
  const round =
    quantity >= 100 ? Math.round(quantity).toLocaleString('en-US') : String(Number(quantity.toPrecision(2)));
  return `| ${what} | ${round} | ${unit} | ${String(Number(price.toPrecision(4)))} | ${(quantity * price).toFixed(2)} |`;
}
