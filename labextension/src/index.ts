import { cells } from './cells';
import { commands } from './commands';
import { marking } from './marking';
import { sessions } from './sessions';
import { sidebar } from './sidebar';
import { start } from './start';

export default [sessions, cells, commands, marking, sidebar, start];
