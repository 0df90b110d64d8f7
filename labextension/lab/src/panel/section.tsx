/** A part of the side bar that the user can fold. */

import * as React from 'react';

interface SectionProps {
  title: string;
  open: boolean;
  children: React.ReactNode;
}

export function Section({ title, open, children }: SectionProps): React.JSX.Element {
  return (
    <details className="kfnb-Section" open={open}>
      <summary>{title}</summary>
      {children}
    </details>
  );
}
