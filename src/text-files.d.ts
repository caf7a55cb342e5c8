// Files that tests read as text, as Vite gives them.

declare module '*.yaml?raw' {
  const text: string;
  export default text;
}
