import type { ModelRequest } from '../../src/vendors/xai.ts';

const schema = { type: 'object', properties: {}, required: [], additionalProperties: false };
/** The smallest question a model can be asked. */
export const question: ModelRequest = {
  model: 'm',
  messages: [{ role: 'user', content: 'q' }],
  response_format: { type: 'json_schema', json_schema: { name: 'n', strict: true, schema } },
  max_completion_tokens: 4300,
};
