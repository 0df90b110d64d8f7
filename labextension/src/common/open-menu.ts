/** Menus that are made when they are asked for. */

import { CommandRegistry } from '@lumino/commands';
import { Menu } from '@lumino/widgets';

/** Open a menu at a place of the page; it is gone when it has closed. */
export function openMenu(commands: CommandRegistry, fill: (menu: Menu) => void, x: number, y: number): void {
  const menu = new Menu({ commands });
  fill(menu);
  // what was chosen is executed after the menu has closed
  menu.aboutToClose.connect(() => void Promise.resolve().then(() => menu.dispose()));
  menu.open(x, y);
}
