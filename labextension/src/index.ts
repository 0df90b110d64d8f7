import { cells } from './cells';
import { commands } from './commands';
import { sessions } from './sessions';
import { sidebar } from './sidebar';

export default [sessions, cells, commands, sidebar];
