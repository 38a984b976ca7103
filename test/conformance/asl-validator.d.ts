declare module 'asl-validator' {
  interface Finding {
    'Error code': string;
    Message: string;
  }
  export default function validate(definition: Record<string, unknown>): { isValid: boolean; errors: Finding[] };
}
