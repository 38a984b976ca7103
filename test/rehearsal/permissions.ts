import { AwsFault, type CalledOperation } from '../../src/local/aws/protocol.ts';
import type { Roles } from './roles.ts';

/** The function whose API is asked by name and not by a machine. */
export const MARKET = 'afterbell-dev-practice-market';
export const INVOKE_MARKET = `POST /2015-03-31/functions/${MARKET}/invocations`;
const EVENTS = 'arn:aws:events:us-east-1:123456789012';

/** What each operation of our own endpoints needs, as AWS's authorization reference lists it. */
function needs({ key }: CalledOperation, body: string): [action: string, resource: string][] {
  const request = JSON.parse(body === '' ? '{}' : body);
  switch (key) {
    case 'POST /Execute':
      return [
        ['rds-data:ExecuteStatement', request.resourceArn],
        ['secretsmanager:GetSecretValue', request.secretArn],
      ];
    case 'AWSEvents.PutEvents':
      return request.Entries.map(({ EventBusName }: { EventBusName?: string }) => [
        'events:PutEvents',
        `${EVENTS}:event-bus/${EventBusName ?? 'default'}`,
      ]);
    case 'AWSStepFunctions.DescribeExecution':
      return [['states:DescribeExecution', request.executionArn]];
    case INVOKE_MARKET:
      return [['lambda:InvokeFunction', `arn:aws:lambda:us-east-1:123456789012:function:${MARKET}`]];
    default:
      return [[key, '*']];
  }
}

/** @throws AwsFault AccessDeniedException for what the signer's role does not allow */
export function requirePermission(roles: Roles, called: CalledOperation, signer: string, body: string): void {
  for (const [action, resource] of needs(called, body)) {
    if (roles.allows(signer, action, resource)) continue;
    const message = `User is not authorized to perform: ${action} on resource: ${resource}`;
    throw new AwsFault('AccessDeniedException', message, 403);
  }
}
