import { AwsFault, type CalledOperation } from '../../src/local/aws/protocol.ts';
import type { Roles } from './roles.ts';

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
