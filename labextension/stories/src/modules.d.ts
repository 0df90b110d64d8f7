/// <reference types="vite/client" />

declare module 'react-dom/client' {
  import { ReactNode } from 'react';

  export function createRoot(place: Element): { render(node: ReactNode): void; unmount(): void };
}
