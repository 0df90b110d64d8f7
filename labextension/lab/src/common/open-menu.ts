/** Opens a menu that is created for this one use. */

import { CommandRegistry } from '@lumino/commands';
import { Menu } from '@lumino/widgets';

/** Opens a menu at a position of the page, and disposes of it once it has closed. */
export function openMenu(commands: CommandRegistry, fill: (menu: Menu) => void, x: number, y: number): void {
  const menu = new Menu({ commands });
  fill(menu);
  // the menu executes the selected command only after it has closed
  menu.aboutToClose.connect(() => void Promise.resolve().then(() => menu.dispose()));
  menu.open(x, y);
}
