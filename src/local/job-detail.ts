import type { Attempt } from './job-attempt.ts';

/** The part of AWS Batch's JobDetail that is true on a laptop, in Step Functions' PascalCase. */
export interface JobDetail {
  JobId: string;
  JobName: string;
  JobDefinition: string;
  JobQueue: string;
  Status: 'SUCCEEDED' | 'FAILED';
  StatusReason: string;
  /** Epoch milliseconds. */
  CreatedAt: number;
  StartedAt: number;
  StoppedAt: number;
  Attempts: AttemptDetail[];
  Container?: ContainerDetail;
  ArrayProperties?: { Size: number; StatusSummary: { SUCCEEDED: number; FAILED: number } };
}

interface AttemptDetail {
  Container: ContainerDetail;
  StartedAt: number;
  StoppedAt: number;
  StatusReason: string;
}

interface ContainerDetail {
  ExitCode: number;
  Reason?: string;
  Command?: string[];
}

export type JobHead = Pick<JobDetail, 'JobId' | 'JobName' | 'JobDefinition' | 'JobQueue' | 'CreatedAt'>;

const EXITED = 'Essential container in task exited';

/** The detail of a job (or of one child of an array job) after its last attempt. `attempts` is not empty. */
export function jobDetail(head: JobHead, attempts: Attempt[], command: string[]): JobDetail {
  const details = attempts.map(({ exitCode, reason, timedOut, startedAt, stoppedAt }) => ({
    Container: { ExitCode: exitCode, ...(reason !== undefined && { Reason: reason }) },
    StartedAt: startedAt,
    StoppedAt: stoppedAt,
    StatusReason: timedOut ? 'Job attempt duration exceeded timeout' : EXITED,
  }));
  const last = details.at(-1) as AttemptDetail;
  return {
    ...head,
    Status: last.Container.ExitCode === 0 ? 'SUCCEEDED' : 'FAILED',
    StatusReason: last.StatusReason,
    StartedAt: details[0]?.StartedAt ?? last.StartedAt,
    StoppedAt: last.StoppedAt,
    Attempts: details,
    Container: { ...last.Container, Command: command },
  };
}

/** The detail of an array job: failed when any child failed; like AWS it names no child's reason. */
export function arrayDetail(head: JobHead, children: JobDetail[]): JobDetail {
  const failed = children.filter(({ Status }) => Status === 'FAILED').length;
  return {
    ...head,
    Status: failed === 0 ? 'SUCCEEDED' : 'FAILED',
    StatusReason: failed === 0 ? 'Array Child Job succeeded' : 'Array Child Job failed',
    StartedAt: Math.min(...children.map(({ StartedAt }) => StartedAt)),
    StoppedAt: Math.max(...children.map(({ StoppedAt }) => StoppedAt)),
    Attempts: [],
    ArrayProperties: {
      Size: children.length,
      StatusSummary: { SUCCEEDED: children.length - failed, FAILED: failed },
    },
  };
}
