/** A part of the page in which the focus survives a redraw. */

import * as React from 'react';

const FOCUSABLE = ['a[href]', 'button', 'input', 'select', 'textarea', 'summary', '[tabindex="0"]']
  .map(kind => `${kind}:not(:disabled)`)
  .join();

interface KeepFocusProps {
  className?: string;
  children: React.ReactNode;
}

/**
 * When a redraw removes or disables the element that has the focus, as the row of a deleted run, the next element gets it;
 * where there is none, the part itself.
 */
export class KeepFocus extends React.Component<KeepFocusProps> {
  getSnapshotBeforeUpdate(): number {
    const focused = document.activeElement;
    return this._part.current?.contains(focused) ? this._focusable().indexOf(focused as HTMLElement) : -1;
  }

  componentDidUpdate(_: KeepFocusProps, __: unknown, before: number): void {
    const focused = document.activeElement;
    if (before >= 0 && (focused === document.body || focused?.matches(':disabled'))) {
      const left = this._focusable();
      (left[before] ?? left[left.length - 1] ?? this._part.current)?.focus();
    }
  }

  render(): React.JSX.Element {
    return (
      <div ref={this._part} className={this.props.className} tabIndex={-1}>
        {this.props.children}
      </div>
    );
  }

  private _focusable(): HTMLElement[] {
    const found = this._part.current?.querySelectorAll<HTMLElement>(FOCUSABLE) ?? [];
    return [...found].filter(one => one.getClientRects().length > 0);
  }

  private readonly _part = React.createRef<HTMLDivElement>();
}
