/** SQL files and prompts are bundled as text (esbuild `text` loader; the same in vitest.config.ts). */
declare module '*.sql' {
  const text: string;
  export default text;
}
declare module '*.md' {
  const text: string;
  export default text;
}
