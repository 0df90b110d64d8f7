/** Opens a menu that is created for this one use. */

import { CommandRegistry } from '@lumino/commands';
import { Menu } from '@lumino/widgets';

/**
 * Opens a menu at a position of the page, and disposes of it once it has closed. What had the focus gets it back; where it
 * came there by keyboard, the menu begins at its first item.
 */
export function openMenu(commands: CommandRegistry, fill: (menu: Menu) => void, x: number, y: number): void {
  const opener = document.activeElement;
  const menu = new Menu({ commands });
  fill(menu);
  // the menu executes the selected command only after it has closed
  menu.aboutToClose.connect(() => {
    if (opener instanceof HTMLElement) {
      opener.focus();
    }
    void Promise.resolve().then(() => menu.dispose());
  });
  menu.open(x, y);
  if (opener?.matches('button:focus-visible, jp-button:focus-visible')) {
    menu.activateNextItem();
  }
}
