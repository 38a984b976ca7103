import * as z from 'zod';
import { AwsFault } from './fault.ts';
import { jsonRoute, type Routes } from './route.ts';

/** What the states engine knows of an execution; `input` and `output` are JSON texts as on AWS. */
export interface ExecutionDescription {
  executionArn: string;
  stateMachineArn: string;
  name: string;
  status: 'RUNNING' | 'SUCCEEDED' | 'FAILED' | 'TIMED_OUT' | 'ABORTED';
  startDate: Date;
  stopDate?: Date;
  input?: string;
  output?: string;
  error?: string;
  cause?: string;
}

/** Answers undefined for an execution it does not know. */
export type DescribeExecution = (
  executionArn: string,
) => Promise<ExecutionDescription | undefined> | ExecutionDescription | undefined;

const Input = z.strictObject({ executionArn: z.string().min(1), includedData: z.string().optional() });

/** Step Functions DescribeExecution. @throws AwsFault ExecutionDoesNotExist */
export function executionsRoutes(describe: DescribeExecution): Routes {
  return {
    'AWSStepFunctions.DescribeExecution': jsonRoute(Input, async ({ executionArn }) => {
      const found = await describe(executionArn);
      if (!found) throw new AwsFault('ExecutionDoesNotExist', `Execution Does Not Exist: '${executionArn}'`);
      return {
        ...found,
        startDate: found.startDate.getTime() / 1000,
        stopDate: found.stopDate && found.stopDate.getTime() / 1000,
      };
    }),
  };
}
